package engine

// How a conn comes onto a loop: over a socket by Enrol, over any other transport by Attach.

import (
	"context"
	"net"
)

// nextLoop is the loop for the next conn: they take turns.
func (r *Reactor) nextLoop() *Loop {
	return r.loops[int(r.next.Add(1)-1)%len(r.loops)]
}

// Enrol opens c, zero memory for the conn, over nc, a socket that ListenFunc or ServeFunc
// has given to the program: on the poller if it is a TCP or Unix socket, and else as Inject
// does. It takes nc over in any case. The caller must have taken from nc exactly what is not
// for c, and no call on nc may be under way. Enrol returns when c is open, or when that
// failed: then c's handler, if it is an Unopened, is told too. It may not be called on a loop.
func (r *Reactor) Enrol(nc net.Conn, c *Conn, h Handler) error {
	if err := nonNil("net.Conn", nc, "conn", c, "handler", h); err != nil {
		if !isNil(nc) {
			nc.Close()
		}
		return err
	}
	err := r.MayWait()
	if err == nil && r.virtual {
		err = ErrVirtual
	}
	if err != nil {
		nc.Close()
	} else {
		err = r.open(nc, c, h)
	}
	if err != nil {
		notOpened(c, h, err)
	}
	return err
}

// open opens c over an accepted socket, or over what a program's listener has accepted in
// place of one.
func (r *Reactor) open(nc net.Conn, c *Conn, h Handler) error {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return r.enrol(context.Background(), nc, c, h)
	}
	return r.Inject(nc, c, h)
}

// SetRemoteAddr sets what RemoteAddr returns, in place of the address of the transport: a
// conn that came through a proxy is its client's. It is for a conn that is about to be
// opened.
func (c *Conn) SetRemoteAddr(a net.Addr) { c.remote = a }

// setAddrs sets the addresses of c's transport, unless SetRemoteAddr has set another one.
func (c *Conn) setAddrs(local, remote net.Addr) {
	c.local = local
	if c.remote == nil {
		c.remote = remote
	}
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
	c.setAddrs(nc.LocalAddr(), nc.RemoteAddr())
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
	var local, remote net.Addr
	if a, ok := tr.(interface{ LocalAddr() net.Addr }); ok {
		local = a.LocalAddr()
	}
	if a, ok := tr.(interface{ RemoteAddr() net.Addr }); ok {
		remote = a.RemoteAddr()
	}
	c.setAddrs(local, remote)
	if r.replay != nil && on.inbox.inCallback() {
		c.start()
		return nil
	}
	if err := on.inbox.post(task{c: c}); err != nil {
		c.dropQueued()
		tr.Close()
		r.releaseConn()
		return err
	}
	return nil
}
