package engine

import (
	"context"
	"net"
)

// Dial connects to addr and opens c, zero memory for the conn, over the socket.
// It returns when the conn is open, when that failed, or when ctx is done; it
// waits while the reactor is stopped, and returns ErrNotRunning before the first
// Run. The network is tcp, tcp4, tcp6 or unix. It may not be called on a loop.
func (r *Reactor) Dial(ctx context.Context, network, addr string, c *Conn, h Handler) error {
	if err := r.MayWait(); err != nil {
		return err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	compact(nc)
	return r.enrol(ctx, nc, c, h)
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
