package room

// roster: which members are in which sets. A set is a room, or all who have subscribed
// to one pattern of topics.

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
)

// set is the members of one room, or the subscribers of one pattern.
type set struct {
	// Set once.
	name string // of the room; the pattern
	node *node  // of the pattern; nil for a room

	// Guarded by roster.mu.
	members []*membership
}

// membership is that one member is in one set.
type membership struct {
	record *record
	at     int // in set.members; guarded by roster.mu
}

// place is a membership as its member knows it.
type place struct {
	set *set
	*membership
}

// record is what a roster has of a member, from the first time that it joins a set until the
// member's end.
type record struct {
	member Member // set once

	// Guarded by roster.mu.
	places   []place
	presence presence
}

// find returns the index of the member's place in s, or -1.
func (r *record) find(s *set) int {
	return slices.IndexFunc(r.places, func(p place) bool { return p.set == s })
}

// roster is the sets of a Rooms or a Topics, and their members. Joins, leaves and ends cost
// time for what the member is in, not for how many others there are.
//
// One lock guards all of it. It is never held while something is sent, or while functions of
// the program are called: a sender copies the members out of a set.
type roster struct {
	// Set once.
	peer    *peer.Peer
	max     int                               // sets of a member
	dropSet func(s *set)                      // forgets a set without members; mu is held
	joined  func(s *set, m Member)            // nil: not wanted
	left    func(s *set, m Member, why error) // nil: not wanted

	counters counters
	observed atomic.Bool // there was an observer; without one nobody may want to be told

	mu sync.RWMutex

	// Guarded by mu.
	records   map[Member]*record
	places    int                    // of all members
	observers map[string][]*Observer // by the room's name; each list has some
}

// join makes m a member of the set that find returns, which is called with mu held. find is
// not called if m cannot join one set more.
func (r *roster) join(m Member, find func(make bool) *set) error {
	if err := checkMember(r.peer, m); err != nil {
		return err
	}
	rec, fresh, err := r.add(m, find)
	if err != nil {
		return err
	}
	if fresh {
		m.OnLost(func(reason error) { r.end(rec, reason) }) // may call it at once
	}
	r.schedulePresence(rec)
	return nil
}

// add is join without what needs mu not to be held. fresh is true if the member has a new
// record.
func (r *roster) add(m Member, find func(make bool) *set) (rec *record, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec = r.records[m]
	if rec == nil {
		rec, fresh = &record{member: m}, true
	}
	s := find(false)
	if s != nil && rec.find(s) >= 0 {
		return rec, false, nil
	}
	if len(rec.places) >= r.max {
		return nil, false, &LimitError{r.max}
	}
	if s == nil {
		s = find(true)
	}
	if fresh {
		r.records[m] = rec
	}
	in := &membership{rec, len(s.members)}
	s.members = append(s.members, in)
	rec.places = append(rec.places, place{s, in})
	r.places++
	if observers := r.observers[s.name]; r.joined != nil || observers != nil {
		rec.presence.add(presenceEvent{set: s, joined: true, observers: observers})
	}
	return rec, fresh, nil
}

// leave takes m out of the set that find returns. It returns false if m was not in it.
func (r *roster) leave(m Member, find func() *set) bool {
	r.mu.Lock()
	rec := r.records[m]
	i := -1
	if rec != nil {
		if s := find(); s != nil {
			i = rec.find(s)
		}
	}
	if i >= 0 {
		r.remove(rec.places[i], nil)
		last := len(rec.places) - 1
		rec.places[i], rec.places[last] = rec.places[last], place{}
		rec.places = shrink(rec.places[:last])
	}
	r.mu.Unlock()
	if i >= 0 {
		r.schedulePresence(rec)
	}
	return i >= 0
}

// end takes a member that has ended out of all sets. On the member's loop.
func (r *roster) end(rec *record, reason error) {
	r.mu.Lock()
	if r.left != nil || len(r.observers) > 0 { // an event for each place, or some
		rec.presence.waiting = slices.Grow(rec.presence.waiting, len(rec.places))
	}
	for _, p := range rec.places {
		r.remove(p, reason)
	}
	rec.places = nil
	delete(r.records, rec.member)
	r.mu.Unlock()
	r.tellPresence(rec)
}

// remove takes the membership of a place out of its set. The caller, which holds mu, takes
// it out of its record.
func (r *roster) remove(p place, reason error) {
	s, last := p.set, len(p.set.members)-1
	moved := s.members[last]
	s.members[p.at], moved.at = moved, p.at
	s.members[last] = nil
	s.members = shrink(s.members[:last])
	r.places--
	if observers := r.observers[s.name]; r.left != nil || observers != nil {
		p.record.presence.add(presenceEvent{set: s, reason: reason, observers: observers})
	}
	if last == 0 {
		r.dropSet(s)
	}
}

// shrink returns list, copied into less memory if three quarters of a long one are unused.
func shrink[T any](list []T) []T {
	const long = 64 // shorter ones are not worth a copy
	if cap(list) <= long || len(list) > cap(list)/4 {
		return list
	}
	return append(make([]T, 0, 2*len(list)), list...)
}

// members returns the members of a set at this moment, or none for a nil set. find is called
// with mu held.
func (r *roster) members(find func() *set) (list []Member) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s := find(); s != nil {
		for _, in := range s.members {
			list = append(list, in.record.member)
		}
	}
	return list
}

// setsOf returns the names of the sets that m is in at this moment.
func (r *roster) setsOf(m Member) (names []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if rec := r.records[m]; rec != nil {
		for _, p := range rec.places {
			names = append(names, p.set.name)
		}
	}
	return names
}
