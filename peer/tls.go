package peer

// TLS: the handshake before the conn is opened, for listeners and for clients.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/registry"
)

// ALPN is the name of the protocol that the sides of a TLS conn agree on,
// unless their Config.TLS has NextProtos of its own. A side that names none is
// taken too.
const ALPN = "packetmq/1"

var (
	// ErrNoTLS is returned by Listen on tls:// without a certificate.
	ErrNoTLS = errors.New("peer: listening on tls:// needs a Config.TLS with a certificate")

	// ErrTLS is a TLS handshake that failed; it wraps why.
	ErrTLS = errors.New("peer: TLS handshake failed")

	// ErrNotTLS is a TLS handshake that failed because the other side does not
	// speak TLS.
	ErrNotTLS = errors.New("peer: the other side does not speak TLS")
)

// TLS is the state of the TLS conn that this one runs over; nil where there is
// none. It is shared: do not change it.
func (c *Conn) TLS() *tls.ConnectionState {
	if o := c.transportCredentials(); o != nil {
		return o.tls
	}
	return nil
}

// serverTLS is the tls.Config of a listener.
func (p *Peer) serverTLS() (*tls.Config, error) {
	cfg := p.cfg.TLS.Clone()
	if cfg == nil || len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return nil, ErrNoTLS
	}
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{ALPN}
	}
	return cfg, nil
}

// clientTLS is the tls.Config for a dial to address.
func (p *Peer) clientTLS(address string) *tls.Config {
	cfg := p.cfg.TLS.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{ALPN}
	}
	if cfg.ServerName == "" {
		host, _, _ := net.SplitHostPort(address)
		// The zone says by which interface to reach it, and is no part of its name.
		cfg.ServerName, _, _ = strings.Cut(host, "%")
	}
	return cfg
}

// dialTLS opens conn over TLS to address.
func (c *Client) dialTLS(ctx context.Context, address string, conn *Conn) error {
	return c.reactor.DialFunc(ctx, "tcp", address, func(ctx context.Context, nc net.Conn) error {
		if !c.dialHandshakes.add(nc, nil) {
			nc.Close()
			return ErrClosed
		}
		defer c.dialHandshakes.remove(nc)
		tc := tls.Client(nc, c.clientTLS(address))
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return fmt.Errorf("%w with %s: %w", ErrTLS, address, explain(err))
		}
		if !c.dialHandshakes.remove(nc) { // from here on nc is the conn's
			return ErrClosed
		}
		return c.inject(conn, tc)
	})
}

// explainRefusal makes err, which has ended c, an ErrTLS if it is the other side's refusal
// after the TLS handshake. A server of TLS 1.3 looks at the client's certificate only after
// the client's handshake is done.
func (c *Conn) explainRefusal(err error) error {
	var op *net.OpError
	if c.flags.has(made) || c.TLS() == nil || !errors.As(err, &op) || op.Op != "remote error" {
		return err
	}
	return fmt.Errorf("%w with %v: %w", ErrTLS, c.RemoteAddr(), err)
}

// explain makes err an ErrNotTLS if the other side does not speak TLS.
func explain(err error) error {
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return fmt.Errorf("%w: %w", ErrNotTLS, err)
	}
	return err
}

// listenTLS opens a listener at address. TLS handshakes are done on goroutines of their
// own, since they take long and would hold the loops up.
func (p *Peer) listenTLS(address string) (*engine.Listener, error) {
	cfg, err := p.serverTLS()
	if err != nil {
		return nil, err
	}
	handshakes := new(tlsHandshakes)
	hello := cfg.GetConfigForClient
	cfg.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		p.admission.progressed(handshakes.admitted(info.Conn))
		if hello != nil {
			return hello(info)
		}
		return nil, nil
	}
	ln, err := p.addListener(p.reactor.ListenFunc("tcp", address, func(nc net.Conn) {
		p.beginTLS(tls.Server(nc, cfg), handshakes)
	}))
	if err != nil {
		return nil, err
	}
	closeWith(ln, handshakes)
	return ln, nil
}

// closeWith closes the sockets in handshakes when ln has closed.
func closeWith(ln *engine.Listener, handshakes *tlsHandshakes) {
	go func() {
		<-ln.Done()
		handshakes.close()
	}()
}

// beginTLS begins the TLS handshake of an accepted socket, or refuses the socket.
func (p *Peer) beginTLS(tc *tls.Conn, handshakes *tlsHandshakes) {
	nc := tc.NetConn()
	admitted, err := p.admit(nc)
	if err == nil && !handshakes.add(nc, admitted) {
		p.admission.release(admitted)
		err = ErrClosed
	}
	if err != nil {
		nc.Close()
		p.noteRefused(nc.RemoteAddr(), err)
		return
	}
	go p.doTLS(tc, admitted, handshakes)
}

// doTLS does the TLS handshake and then calls endTLS, also when the program's
// code in the tls.Config panics or ends the goroutine.
func (p *Peer) doTLS(tc *tls.Conn, admitted *admittedSocket, handshakes *tlsHandshakes) {
	var err error
	defer func() { p.endTLS(tc, admitted, handshakes, err) }()
	guard.Call(func() {
		ctx, cancel := context.WithTimeout(p.lifetime, p.cfg.Handshake)
		defer cancel()
		err = tc.HandshakeContext(ctx)
	}, func(v any) { err = failure(v) })
}

// endTLS opens a conn over tc if its handshake is done, else it closes tc because of
// err.
func (p *Peer) endTLS(tc *tls.Conn, admitted *admittedSocket, handshakes *tlsHandshakes, err error) {
	defer handshakes.remove(tc.NetConn())
	if err == nil && handshakes.remove(tc.NetConn()) { // from here on tc does not end with its listener
		p.openTLS(tc, admitted)
		return
	}
	if p.admission.release(admitted) == nil && !handshakes.isClosed() { // else its end was counted, or is the listener's
		p.noteTLSFailed(tc.RemoteAddr(), explain(err))
	}
	closeAfterFailure(tc.NetConn(), err)
}

// openTLS opens a conn over tc.
func (p *Peer) openTLS(tc *tls.Conn, admitted *admittedSocket) {
	c, err := p.newConn()
	if err == nil {
		c.admitted = admitted
		p.admission.progressed(admitted)
		err = p.inject(c, tc)
	} else {
		tc.NetConn().Close()
	}
	if err != nil {
		p.admission.release(admitted)
		p.noteRefused(tc.RemoteAddr(), err)
	}
}

// noteTLSFailed counts and logs a TLS handshake that failed.
func (p *Peer) noteTLSFailed(remote net.Addr, err error) {
	p.stats.refused(ErrTLS)
	p.logLine(slog.LevelWarn, "TLS handshake failed", "remote", remote, "err", err)
}

// closeAfterFailure closes a socket whose TLS handshake failed. It gives the other side
// faultGrace to read the TLS alert: a socket that is closed with input unread is reset, and
// what was sent can be lost. A side that speaks packetmq without TLS is told ReasonTLS.
func closeAfterFailure(nc net.Conn, err error) {
	defer nc.Close()
	if nc.SetDeadline(time.Now().Add(faultGrace)) != nil {
		return
	}
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && [3]byte(plain.RecordHeader[:]) == [3]byte{} { // a frame's length begins so
		nc.Write(codec.AppendFrame(nil, registry.IDSoftquit, softquitMsg{ReasonTLS}.append(nil)))
	}
	if c, ok := nc.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
	io.CopyN(io.Discard, nc, 64<<10)
}
