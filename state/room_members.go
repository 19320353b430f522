package state

// The members of a State's room are its readers.

import (
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// follow has the members of a room be readers. The room tells on their loops who has joined
// and left, one after the other: what follows from it is done at once if the reader's conn is
// on that loop, so that a conn which joins two rooms is a reader of both in that order.
func (s *source) follow(r room.Room) {
	s.stop = r.Observe(room.Observer{
		Joined: func(m room.Member) {
			switch err := s.checkReader(m); err {
			case nil:
				if r := s.reader(m); r != nil { // the State may be closed
					s.setMember(r, true)
				}
			case peer.ErrClosed: // it has ended before the room told of it
			default:
				s.refuse(m, err)
			}
		},
		Left: func(m room.Member, _ error) {
			s.mu.Lock()
			r := s.readers[m]
			s.mu.Unlock()
			if r != nil {
				s.setMember(r, false)
			}
		},
	})
}

// setMember notes whether a reader is a member of the room.
func (s *source) setMember(r *reader, is bool) {
	loop := r.member.Loop()
	s.mu.Lock()
	if r.why &^= byRoom; is {
		r.why |= byRoom
	}
	old, fresh := r.change()
	detach, attach := old.detachOn(loop), fresh.attachOn(loop)
	s.mu.Unlock()
	detach()
	attach()
}

// detachOn detaches a feed, if there is one, on its loop. What it returns is to be called when
// no lock is held.
func (f *feed) detachOn(here *engine.Loop) func() {
	if f == nil {
		return func() {}
	}
	return runOn(here, f.conn.Loop(), f.detach)
}

// attachOn attaches a feed as detachOn detaches one.
func (f *feed) attachOn(here *engine.Loop) func() {
	if f == nil {
		return func() {}
	}
	return runOn(here, f.conn.Loop(), f.attach)
}

// runOn returns fn, if here is its loop and this is called on it. Else it posts fn.
func runOn(here, loop *engine.Loop, fn func()) func() {
	if here == loop && loop.Here() {
		return fn
	}
	loop.Post(fn)
	return func() {}
}
