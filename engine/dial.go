package engine

import (
	"context"
	"net"
)

// Dial connects to addr and opens c, zero memory for the conn, over the socket.
// It returns when the conn is open, when that failed, or when ctx is done; it
// waits while the reactor is not running. The network is tcp, tcp4, tcp6 or
// unix. It may not be called on a loop.
func (r *Reactor) Dial(ctx context.Context, network, addr string, c *Conn, h Handler) error {
	if r.OnLoop() {
		return ErrOnLoop
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	return r.enrol(ctx, nc, c, h)
}
