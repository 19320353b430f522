package room

// Observer: packages that build on rooms hear who joins and leaves one of them, any number of
// packages, each before the program's own Config.Joined and Left.

import (
	"slices"

	"github.com/packetmq/packetmq/peer"
)

// Observer is told who joins and leaves a room. What holds for the functions of the same
// names in Config holds here too. A nil function is not called.
type Observer struct {
	Joined func(m Member)
	Left   func(m Member, reason error)
}

// Observe has o told who joins and leaves the room from now on, after the observers that
// there are already, and whether or not it has members at times. o is told that they have
// joined of those who are members now, too. stop ends it; a call that is under way goes on.
func (r Room) Observe(o Observer) (stop func()) {
	if r.rooms == nil {
		return func() {}
	}
	own := &o
	r.rooms.observe(r.name, own)
	return func() { r.rooms.unobserve(r.name, own) }
}

// Peer is the peer of the room's conns. It is nil for the zero Room.
func (r Room) Peer() *peer.Peer {
	if r.rooms == nil {
		return nil
	}
	return r.rooms.peer
}

func (r *Rooms) observe(name string, o *Observer) {
	r.observed.Store(true)
	r.mu.Lock()
	if r.observers == nil {
		r.observers = make(map[string][]*Observer)
	}
	r.observers[name] = append(slices.Clone(r.observers[name]), o)
	var tell []*record
	if s := r.byName[name]; s != nil {
		for _, in := range s.members {
			in.record.presence.add(presenceEvent{set: s, joined: true, observers: []*Observer{o}, added: true})
			tell = append(tell, in.record)
		}
	}
	r.mu.Unlock()
	for _, rec := range tell {
		r.schedulePresence(rec)
	}
}

func (r *Rooms) unobserve(name string, o *Observer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(r.observers[name]), func(other *Observer) bool { return other == o })
	if len(left) == 0 {
		delete(r.observers, name)
	} else {
		r.observers[name] = left
	}
}

// isObserver reports whether o is still told of the room.
func (r *roster) isObserver(name string, o *Observer) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Contains(r.observers[name], o)
}

// tellObservers tells those who observed the room when the event happened, and still do.
func (r *roster) tellObservers(e presenceEvent, m Member) {
	for _, o := range e.observers {
		switch {
		case !r.isObserver(e.set.name, o):
		case e.joined && o.Joined != nil:
			o.Joined(m)
		case !e.joined && o.Left != nil:
			o.Left(m, e.reason)
		}
	}
}
