package peer

// The conns of a peer, from newConn to removeConn, and how a program finds them. All
// of them are in Peer.conns; those whose handshake is complete are in Peer.actives
// too, until OnLost.

import (
	"iter"
	"slices"
)

// newConn makes a conn that is about to be opened.
func (p *Peer) newConn() (*Conn, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	now := p.reactor.Loops()[0].Time()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	p.nextID++
	p.births.note(p.nextID, now)
	return &Conn{peer: p, id: p.nextID}, nil
}

// addConn adds a conn that was opened.
func (p *Peer) addConn(c *Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.conns.add(c)
	return nil
}

// addActive adds a conn whose handshake is complete to the active ones.
func (p *Peer) addActive(c *Conn) {
	p.stats.made()
	p.admission.completed(c.admitted)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actives.add(&p.conns, c)
	delete(p.mismatches, c)
}

// removeActive takes a conn that is about to be lost out of the active ones.
func (p *Peer) removeActive(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actives.remove(&p.conns, c)
}

// removeConn forgets a conn whose transport is gone, after removeActive.
func (p *Peer) removeConn(c *Conn) {
	p.admission.release(c.admitted)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns.remove(c.id)
	delete(p.mismatches, c)
	if p.noConns != nil && p.conns.n == 0 {
		select {
		case <-p.noConns:
		default:
			close(p.noConns)
		}
	}
}

// Conn finds a conn by its id; nil if there is none.
func (p *Peer) Conn(id uint64) *Conn {
	if p.check() != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns.get(id)
}

// Conns goes through the conns whose handshake is complete, in the order in
// which they were made, as they were when it began.
func (p *Peer) Conns() iter.Seq[*Conn] {
	if p.check() != nil {
		return func(func(*Conn) bool) {}
	}
	p.mu.Lock()
	conns := p.actives.all()
	p.mu.Unlock()
	return slices.Values(conns)
}

// NumConns is the number of conns whose handshake is complete.
func (p *Peer) NumConns() int {
	if p.check() != nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actives.n
}

// first is the conn that was made first of those that are connected, or nil.
func (p *Peer) first() *Conn {
	if p.check() != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actives.head()
}
