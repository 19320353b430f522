package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/packetmq/packetmq/siege/wire"
)

// Endpoint is a server as its clients know it.
type Endpoint struct {
	Addr     string
	TLS      bool // it speaks TLS
	Adapts   bool // it takes over the ids of clients
	Rooms    bool // it has rooms and topics
	Reorders bool // it decodes payloads and may order their fields anew

	sources atomic.Uint32 // dials made, for their source addresses
}

// source spreads the conns over 127.0.0.0/8: each of its addresses has some
// 28,000 ports.
func (e *Endpoint) source() *net.TCPAddr {
	n := e.sources.Add(1)
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)|1)}
}

// Dial connects and sends nothing.
func (e *Endpoint) Dial(ctx context.Context) (*Conn, error) {
	return e.dialBy(ctx, net.Dialer{})
}

// DialFrom is Dial from one address for all, in place of one of their own.
func (e *Endpoint) DialFrom(ctx context.Context, ip net.IP) (*Conn, error) {
	return e.dialFrom(ctx, net.Dialer{}, &net.TCPAddr{IP: ip})
}

// DialNarrow is Dial with a receive window so small that the kernels hold little
// of what the server sends and nobody reads.
func (e *Endpoint) DialNarrow(ctx context.Context) (*Conn, error) {
	return e.dialBy(ctx, net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		outer := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
		})
		return errors.Join(outer, err)
	}})
}

// dialBy connects as d says, from an address of its own.
func (e *Endpoint) dialBy(ctx context.Context, d net.Dialer) (*Conn, error) {
	return e.dialFrom(ctx, d, e.source())
}

func (e *Endpoint) dialFrom(ctx context.Context, d net.Dialer, own *net.TCPAddr) (*Conn, error) {
	d.LocalAddr, d.Timeout, d.KeepAlive = own, Patience, -1
	nc, err := d.DialContext(ctx, "tcp", e.Addr)
	if err != nil {
		return nil, err
	}
	tcp := nc.(*net.TCPConn)
	if e.TLS { // its handshake comes with the first byte
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return newConn(nc, tcp), nil
}

// Connect connects and does the handshake.
func (e *Endpoint) Connect(ctx context.Context) (*Conn, error) {
	c, err := e.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.HandshakeWith(e.Handshake()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Handshake returns what a client of the server begins with.
func (e *Endpoint) Handshake() []byte { return e.handshakeWith(wire.Init()) }

// SessionHandshake is Handshake of a client that knows sessions.
func (e *Endpoint) SessionHandshake() []byte { return e.handshakeWith(wire.InitWithSessions()) }

func (e *Endpoint) handshakeWith(init []byte) []byte {
	ids := wire.IDMap()
	if e.Rooms {
		ids = append(ids, wire.RequestIDs()...)
	}
	return wire.HandshakeOf(init, !e.Adapts, ids)
}

// ConnectAll dials n conns, and says the handshake on each unless it is nil. If
// one fails it resets the others.
func ConnectAll(ctx context.Context, dial func(context.Context) (*Conn, error), n int, handshake []byte) ([]*Conn, error) {
	conns := make(chan *Conn, n)
	failed := make(chan error, n)
	Parallel(n, func() {
		c, err := dial(ctx)
		if err == nil && handshake != nil {
			if err = c.HandshakeWith(handshake); err != nil {
				c.Close()
			}
		}
		if err != nil {
			failed <- err
			return
		}
		conns <- c
	})
	close(conns)
	var all []*Conn
	for c := range conns {
		all = append(all, c)
	}
	select {
	case err := <-failed:
		ResetAll(all)
		return nil, err
	default:
		return all, nil
	}
}

// ResetAll resets each conn.
func ResetAll(conns []*Conn) {
	for _, c := range conns {
		c.Reset()
	}
}
