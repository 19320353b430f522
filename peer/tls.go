package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
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

// maxGuests is the number of TLS handshakes that a listener has under way.
const maxGuests = 128

// TLS is the state of the TLS conn that this one runs over; nil where there is
// none. It is shared: do not change it.
func (c *Conn) TLS() *tls.ConnectionState {
	if o := c.origin(); o != nil {
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
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	return cfg
}

// dialTLS opens conn over TLS to address.
func (c *Client) dialTLS(ctx context.Context, address string, conn *Conn) error {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	tc := tls.Client(nc, c.clientTLS(address))
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return fmt.Errorf("%w with %s: %w", ErrTLS, address, explain(err))
	}
	return c.inject(conn, tc)
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
	guests := &lobby{max: min(maxGuests, max(p.cfg.HalfOpen/2, 1)), door: &p.admission}
	ln, err := p.reactor.ListenFunc("tcp", address, func(nc net.Conn) { p.receive(nc, cfg, guests) })
	if err != nil {
		return nil, err
	}
	go func() {
		<-ln.Done()
		guests.close()
	}()
	return ln, nil
}

// receive begins the TLS handshake of an accepted socket, or refuses it.
func (p *Peer) receive(nc net.Conn, cfg *tls.Config, guests *lobby) {
	g, err := guests.enter(nc)
	if err == nil {
		go p.greet(g, cfg, guests)
		return
	}
	nc.Close()
	if !errors.Is(err, ErrClosed) {
		p.refuse(nc.RemoteAddr(), err)
	}
}

// greet shakes hands with a guest, and brings it onto a loop or dismisses it.
func (p *Peer) greet(g *guest, cfg *tls.Config, guests *lobby) {
	tc := tls.Server(g.nc, cfg)
	err := engine.ErrGoexit // unless the program's part in it, by cfg, returns
	defer func() {
		if v := recover(); v != nil {
			err = &engine.PanicError{Value: v, Stack: debug.Stack()}
		}
		p.greeted(g, tc, guests, err)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Handshake)
	defer cancel()
	err = tc.HandshakeContext(ctx)
}

// greeted takes a guest in after its handshake, or sends it away because of err.
func (p *Peer) greeted(g *guest, tc *tls.Conn, guests *lobby, err error) {
	if err == nil && guests.leave(g) {
		p.welcome(tc, g.place)
		return
	}
	if !guests.has(g) {
		err = errSentAway
	}
	p.refuseTLS(g.nc.RemoteAddr(), explain(err))
	dismiss(g.nc, err)
	if guests.leave(g) {
		p.admission.left(g.place, true)
	}
}

// welcome brings a TLS conn onto a loop.
func (p *Peer) welcome(tc *tls.Conn, from *place) {
	c, err := p.newConn()
	if err == nil {
		c.place = from
		err = p.inject(c, tc)
	} else {
		tc.NetConn().Close()
	}
	if err == nil {
		return
	}
	p.admission.left(from, true)
	if !errors.Is(err, ErrClosed) {
		p.refuse(tc.RemoteAddr(), err)
	}
}

// refuseTLS counts a TLS handshake that failed.
func (p *Peer) refuseTLS(remote net.Addr, err error) {
	p.stats.refused(ErrTLS)
	p.say(slog.LevelWarn, "TLS handshake failed", "remote", remote, "err", err)
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
