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
	"runtime/debug"
	"strings"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
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

// serverTLS is what a listener serves with.
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

// clientTLS is what a client connects to address with.
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
		if !c.dialHandshakes.remove(nc) { // from here on the end of handshakes is not its end
			return ErrClosed
		}
		return c.inject(conn, tc)
	})
}

// explainRefusal says that err, which c has ended with, is the other side's
// refusal to go on after the TLS handshake: a server of TLS 1.3 looks at the
// client's certificate when the client is done.
func (c *Conn) explainRefusal(err error) error {
	var op *net.OpError
	if c.flags.has(made) || c.TLS() == nil || !errors.As(err, &op) || op.Op != "remote error" {
		return err
	}
	return fmt.Errorf("%w with %v: %w", ErrTLS, c.RemoteAddr(), err)
}

// explain says what is the matter with somebody who does not speak TLS.
func explain(err error) error {
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return fmt.Errorf("%w: %w", ErrNotTLS, err)
	}
	return err
}

// listenTLS accepts at address and shakes hands, off the loops.
func (p *Peer) listenTLS(address string) (*engine.Listener, error) {
	cfg, err := p.serverTLS()
	if err != nil {
		return nil, err
	}
	guests := new(tlsHandshakes)
	hello := cfg.GetConfigForClient
	cfg.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		p.admission.progressed(guests.admitted(info.Conn))
		if hello != nil {
			return hello(info)
		}
		return nil, nil
	}
	ln, err := p.addListener(p.reactor.ListenFunc("tcp", address, func(nc net.Conn) {
		p.receive(tls.Server(nc, cfg), guests)
	}))
	if err != nil {
		return nil, err
	}
	closeWith(ln, guests)
	return ln, nil
}

// closeWith ends the handshakes of a listener with it.
func closeWith(ln *engine.Listener, guests *tlsHandshakes) {
	go func() {
		<-ln.Done()
		guests.close()
	}()
}

// receive begins the TLS handshake of an accepted socket, or refuses it.
func (p *Peer) receive(tc *tls.Conn, guests *tlsHandshakes) {
	nc := tc.NetConn()
	g, err := p.admit(nc)
	if err == nil && !guests.add(nc, g) {
		p.admission.release(g)
		err = ErrClosed
	}
	if err != nil {
		nc.Close()
		p.noteRefused(nc.RemoteAddr(), err)
		return
	}
	go p.greet(tc, g, guests)
}

// greet shakes hands, and brings the conn onto a loop or dismisses it.
func (p *Peer) greet(tc *tls.Conn, g *admittedSocket, guests *tlsHandshakes) {
	err := engine.ErrGoexit // unless the program's part in it, by the tls.Config, returns
	defer func() {
		if v := recover(); v != nil {
			err = &engine.PanicError{Value: v, Stack: debug.Stack()}
		}
		p.greeted(tc, g, guests, err)
	}()
	ctx, cancel := context.WithTimeout(p.lifetime, p.cfg.Handshake)
	defer cancel()
	err = tc.HandshakeContext(ctx)
}

// greeted takes a guest in after its handshake, or sends it away because of err.
func (p *Peer) greeted(tc *tls.Conn, g *admittedSocket, guests *tlsHandshakes, err error) {
	defer guests.remove(tc.NetConn())
	if err == nil && guests.remove(tc.NetConn()) { // from here on the listener's end is not its end
		p.welcome(tc, g)
		return
	}
	if p.admission.release(g) == nil && !guests.isClosed() { // else its socket was closed
		p.noteTLSFailed(tc.RemoteAddr(), explain(err))
	}
	dismiss(tc.NetConn(), err)
}

// welcome brings a TLS conn onto a loop.
func (p *Peer) welcome(tc *tls.Conn, g *admittedSocket) {
	c, err := p.newConn()
	if err == nil {
		c.admitted = g
		p.admission.progressed(g)
		err = p.inject(c, tc)
	} else {
		tc.NetConn().Close()
	}
	if err != nil {
		p.admission.release(g)
		p.noteRefused(tc.RemoteAddr(), err)
	}
}

// noteTLSFailed counts a TLS handshake that failed.
func (p *Peer) noteTLSFailed(remote net.Addr, err error) {
	p.stats.refused(ErrTLS)
	p.logLine(slog.LevelWarn, "TLS handshake failed", "remote", remote, "err", err)
}

// dismiss closes a socket whose TLS handshake failed. The other side has a
// moment to read why: a socket that is closed with input unread is reset, and
// what was sent can be lost. One that speaks packetmq without TLS is told so.
func dismiss(nc net.Conn, err error) {
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
