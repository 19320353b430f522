package room

// Presence: the program is told, on a member's loop, that the member has joined and left.

// presenceEvent is that a member has joined or left a set.
type presenceEvent struct {
	set       *set
	joined    bool
	reason    error       // why it has left
	observers []*Observer // of the room, when it happened; nobody changes the list
	added     bool        // it is for an observer that came later; the program knows
}

// presence is what the program has not been told yet of one member. Guarded by roster.mu.
//
// Members are joined from any goroutine, so events wait here in their order, and a function
// that is posted to the member's loop tells them.
type presence struct {
	waiting []presenceEvent
	posted  bool // a function is on its way to the loop
	telling bool // the program is being told
}

func (p *presence) add(e presenceEvent) { p.waiting = append(p.waiting, e) }

// schedulePresence has what waits of a member told on its loop.
func (r *roster) schedulePresence(rec *record) {
	if r.joined == nil && r.left == nil && !r.observed.Load() {
		return
	}
	r.mu.Lock()
	p := &rec.presence
	post := len(p.waiting) > 0 && !p.posted && !p.telling
	if post {
		p.posted = true
	}
	r.mu.Unlock()
	if !post {
		return
	}
	tell := func() { r.tellPresence(rec) }
	if rec.member.Loop().PostElse(tell, tell) != nil { // the loop has ended
		tell()
	}
}

// tellPresence tells the program what waits. If one of its functions panics or ends its
// goroutine, the rest is told by a function that is posted.
func (r *roster) tellPresence(rec *record) {
	r.mu.Lock()
	rec.presence.posted = false
	if rec.presence.telling { // a function of the program has ended the conn: the rest comes after it
		r.mu.Unlock()
		return
	}
	rec.presence.telling = true
	r.mu.Unlock()
	var events []presenceEvent // that were taken and not told yet
	told := false
	defer func() {
		if told {
			return
		}
		r.mu.Lock()
		rec.presence.waiting = append(events, rec.presence.waiting...)
		rec.presence.telling = false
		r.mu.Unlock()
		r.schedulePresence(rec)
	}()
	for events = r.takePresence(rec); len(events) > 0; events = r.takePresence(rec) {
		for len(events) > 0 {
			e := &events[0]
			events = events[1:]
			r.tellPresenceEvent(e, rec.member)
		}
	}
	told = true
}

func (r *roster) tellPresenceEvent(e *presenceEvent, m Member) {
	r.tellObservers(*e, m)
	switch {
	case e.added:
	case !e.joined && r.left != nil:
		r.left(e.set, m, e.reason)
	case e.joined && r.joined != nil:
		r.joined(e.set, m)
	}
}

// takePresence takes all events that wait. If there are none, the program has been told
// everything.
func (r *roster) takePresence(rec *record) (events []presenceEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &rec.presence
	events, p.waiting = p.waiting, nil
	p.telling = len(events) > 0
	return events
}
