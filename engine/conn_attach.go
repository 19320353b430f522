package engine

// How a conn comes onto a loop: over a socket by enrol, over any other transport by Attach.

import (
	"context"
	"net"
)

// nextLoop is the loop for the next conn: they take turns.
func (r *Reactor) nextLoop() *Loop {
	return r.loops[int(r.next.Add(1)-1)%len(r.loops)]
}

// enrol opens c over the socket nc, which it takes over in any case. When ctx is done
// before the loop has opened c, enrol returns, and the loop closes nc; a c that the loop
// has opened meanwhile is aborted.
func (r *Reactor) enrol(ctx context.Context, nc net.Conn, c *Conn, h Handler) error {
	if err := r.admitConn(); err != nil {
		nc.Close()
		return err
	}
	if err := r.retain(ctx); err != nil {
		nc.Close()
		r.releaseConn()
		return err
	}
	c.loop, c.handler = r.nextLoop(), h
	c.local, c.remote = nc.LocalAddr(), nc.RemoteAddr()
	if ctx.Done() == nil {
		return r.enrolNow(nc, c)
	}
	taken := make(chan error, 1)
	go func() { taken <- r.enrolNow(nc, c) }()
	select {
	case err := <-taken:
		return err
	case <-ctx.Done():
		err := context.Cause(ctx)
		c.withdraw(err)
		return err
	}
}

// enrolNow waits until c's loop has opened c over nc, or has refused it. The reactor was
// retained for it.
func (r *Reactor) enrolNow(nc net.Conn, c *Conn) error {
	defer r.release()
	if err := r.drivers[c.loop.index].enrol(nc, c); err != nil {
		c.dropQueued()
		r.releaseConn()
		return err
	}
	return nil
}

// Attach opens c over tr on the loop on, or on one of the reactor's choice if on is nil.
// It takes tr over in any case. It returns at once; Opened is called when the reactor
// runs.
func (r *Reactor) Attach(tr Transport, c *Conn, h Handler, on *Loop) error {
	if err := nonNil("transport", tr, "conn", c, "handler", h); err != nil {
		if !isNil(tr) {
			tr.Close()
		}
		return err
	}
	if err := r.admitConn(); err != nil {
		tr.Close()
		return err
	}
	if on == nil {
		on = r.nextLoop()
	}
	c.loop, c.handler, c.tr = on, h, tr
	if a, ok := tr.(interface{ LocalAddr() net.Addr }); ok {
		c.local = a.LocalAddr()
	}
	if a, ok := tr.(interface{ RemoteAddr() net.Addr }); ok {
		c.remote = a.RemoteAddr()
	}
	if err := on.inbox.post(task{c: c}); err != nil {
		c.dropQueued()
		tr.Close()
		r.releaseConn()
		return err
	}
	return nil
}
