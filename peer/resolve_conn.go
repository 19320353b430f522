package peer

// From what a program names a conn by, or a peer, to the conn or the peer.

import (
	"fmt"
	"reflect"
)

// resolve finds the conn that to names: a *Conn, its number as an integer of
// any kind, the peer at the other end of a conn in memory, or nil for the
// Default of a client.
func (p *Peer) resolve(to any) (*Conn, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var c *Conn
	switch to := to.(type) {
	case nil:
		if p.client {
			c = p.first()
		}
	case *Conn:
		if to != nil && to.peer == p {
			c = to
		}
	case Host:
		far, err := peerOf(to)
		if err != nil {
			return nil, err
		}
		c = p.connTo(far)
	default:
		id, ok := number(to)
		if !ok {
			return nil, fmt.Errorf("%w: a %T names none", ErrNoConn, to)
		}
		c = p.Conn(id)
	}
	if c == nil {
		return nil, ErrNoConn
	}
	return c, nil
}

// number is a conn's number, from an integer of any kind.
func number(v any) (id uint64, ok bool) {
	switch n := reflect.ValueOf(v); {
	case n.CanUint():
		return n.Uint(), true
	case n.CanInt() && n.Int() >= 0:
		return uint64(n.Int()), true
	case n.CanInt():
		return 0, true // which no conn has
	}
	return 0, false
}

// connTo is p's first conn to a peer in memory. A server has many, a client
// few, so the client's are gone through.
func (p *Peer) connTo(far *Peer) *Conn {
	if far.client {
		if c := far.connTo(p); c != nil {
			return c.otherEnd()
		}
		return nil
	}
	for c := range p.Conns() {
		if m := c.otherEnd(); m != nil && m.peer == far {
			return c
		}
	}
	return nil
}

// check reports a peer that none of the New functions made.
func (p *Peer) check() error {
	if p == nil || p.reg == nil {
		return ErrNoPeer
	}
	return nil
}

// Of returns the peer of a host, for packages that keep something with it. The error is
// ErrNoPeer. Any goroutine may call it.
func Of(h Host) (*Peer, error) { return peerOf(h) }

// peerOf is the peer of a host, or an ErrNoPeer that names the host's type.
func peerOf(h Host) (*Peer, error) {
	var p *Peer
	switch h := h.(type) { // baseOf alone would do, but takes 20 ns longer, for each SendTo
	case *Server:
		if h != nil {
			p = h.Peer
		}
	case *Client:
		if h != nil {
			p = h.Peer
		}
	default:
		p = baseOf(h)
	}
	if p.check() != nil {
		return nil, fmt.Errorf("%w: this %T is nil or was not made by a New function", ErrNoPeer, h)
	}
	return p, nil
}

// baseOf is the peer of a host, or nil. The host may be a type of the program's that embeds
// a peer. Go then makes its method base, which panics if the peer is reached by way of a nil
// pointer or interface. It can panic for no other reason: only Peer has the method itself.
func baseOf(h Host) (p *Peer) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	return h.base()
}

// check reports a conn that is none: nil, as Default is while a client is not
// connected, or one that no peer made.
func (c *Conn) check() error {
	if c == nil || c.peer == nil {
		return ErrNoConn
	}
	return nil
}
