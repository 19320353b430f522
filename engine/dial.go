package engine

// Outgoing sockets.

import (
	"context"
	"net"
)

// Dial connects to addr and opens c, zero memory for the conn, over the socket.
// It returns when the conn is open, when that failed, when ctx is done, or, with
// ErrClosed, as soon as the reactor begins to close. A conn that would open later
// than that is closed instead, and its handler not told; one that has opened is
// aborted.
//
// While the reactor is stopped it waits; before the first Run it returns
// ErrNotRunning. The network is tcp, tcp4, tcp6 or unix. It may not be called on
// a loop.
func (r *Reactor) Dial(ctx context.Context, network, addr string, c *Conn, h Handler) error {
	if err := nonNil("conn", c, "handler", h); err != nil {
		return err
	}
	return r.DialFunc(ctx, network, addr, func(ctx context.Context, nc net.Conn) error {
		return r.enrol(ctx, nc, c, h)
	})
}

// DialFunc is Dial for what has to be done to a socket before it can be injected,
// such as a TLS handshake: take is given the connected socket, and owns it. Its
// ctx also ends with the reactor.
func (r *Reactor) DialFunc(ctx context.Context, network, addr string, take func(ctx context.Context, nc net.Conn) error) error {
	if err := nonNil("context", ctx, "function", take); err != nil {
		return err
	}
	if r.virtual {
		return ErrVirtual
	}
	if err := r.MayWait(); err != nil {
		return err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	nc, err := r.connect(ctx, network, addr)
	if err == nil {
		compact(nc)
		err = take(ctx, nc)
	}
	if err != nil && r.endCtx.Err() != nil {
		return ErrClosed
	}
	return err
}

// connect dials, and keeps the reactor from being taken down meanwhile.
func (r *Reactor) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := r.retain(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	return r.cfg.dialer().DialContext(ctx, network, addr)
}

// compact has the addresses of nc hold no more than they show: as package net
// makes them, an IP is a slice of all that the system call filled in.
func compact(nc net.Conn) {
	for _, a := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
		if t, ok := a.(*net.TCPAddr); ok {
			ip := make(net.IP, len(t.IP))
			copy(ip, t.IP)
			t.IP = ip
		}
	}
}
