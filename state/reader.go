package state

// reader: who follows a State: a conn, or a session, which has another conn each time that it
// comes back.

import (
	"reflect"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// Session is a reader that outlives its conns.
type Session interface {
	room.SessionMember

	// Conn is the conn that the session has now, or nil while it has none.
	Conn() *peer.Conn

	// OnBack has f called each time that the session has another conn, once Conn returns
	// it, until stop is called.
	OnBack(f func(gap time.Duration)) (stop func() bool)
}

// reason is why somebody is a reader.
type reason uint8

const (
	byRoom reason = 1 << iota // a member of the State's room
	byCall                    // State.Join
)

// reader is a member that is a reader, was one, or has a view. There is one for each member
// until that ends. Guarded by source.mu.
type reader struct {
	source  *source
	member  room.Member
	why     reason        // 0: it is no reader now
	ended   bool          // the member has
	view    func() judge  // nil: everything is seen
	views   uint32        // how often the view has changed
	feed    *feed         // on the conn that it has; nil: there is none
	unwatch []func() bool // end OnLost and OnBack
}

// checkReader returns why m cannot be a reader, or nil.
func (s *source) checkReader(m room.Member) error {
	switch m := m.(type) {
	case *peer.Conn:
		switch {
		case m == nil || m.Peer() != s.peer:
			return ErrNoReader
		case m.State() >= peer.Softquitted:
			return peer.ErrClosed
		case m.State() == peer.Active:
			return s.checkConn(m)
		}
		return nil // what there is on it is known when it is active
	case Session:
		if v := reflect.ValueOf(m); v.Kind() == reflect.Pointer && v.IsNil() {
			return ErrNoReader
		}
		return nil
	}
	return ErrNoReader
}

// checkConn returns why an active conn cannot be sent the values, or nil.
func (s *source) checkConn(c *peer.Conn) error {
	switch {
	case !c.Uses(FeatureState):
		return ErrNoFeature
	case !c.Knows(s.def):
		return ErrNoPacket
	}
	return nil
}

// reader is m's reader, which is made if there is none. It is watched until its end, or that
// of the State. Once the State is closed there are none: nil.
func (s *source) reader(m room.Member) *reader {
	s.mu.Lock()
	r := s.readers[m]
	if r != nil || s.closed {
		s.mu.Unlock()
		return r
	}
	r = &reader{source: s, member: m}
	s.readers[m] = r
	s.mu.Unlock()
	s.watch(r)
	return r
}

// watch hears of the end of a reader's member, and each time that a session is back.
func (s *source) watch(r *reader) {
	stops := []func() bool{r.member.OnLost(func(error) { s.end(r) })} // may call it at once
	if session, ok := r.member.(Session); ok {
		stops = append(stops, session.OnBack(func(time.Duration) { s.resync(r) }))
	}
	s.mu.Lock()
	over := r.ended || s.closed
	if !over {
		r.unwatch = stops
		r.sync() // a session may have been back before it was watched
	}
	s.mu.Unlock()
	if over {
		call(stops)
	}
}

// call calls what ends the watch over a reader. mu is not held.
func call(stops []func() bool) {
	for _, stop := range stops {
		if stop != nil {
			stop()
		}
	}
}

// join makes m a reader.
func (s *source) join(m room.Member) error {
	if err := s.checkReader(m); err != nil {
		return err
	}
	r := s.reader(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r == nil || s.closed {
		return ErrClosed
	}
	r.why |= byCall
	r.sync()
	return nil
}

// leave takes join back.
func (s *source) leave(m room.Member) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.readers[m]
	if r == nil || r.why&byCall == 0 {
		return false
	}
	r.why &^= byCall
	r.sync()
	return true
}

// end forgets a reader whose member has ended.
func (s *source) end(r *reader) {
	s.mu.Lock()
	r.ended = true
	delete(s.readers, r.member)
	r.sync()
	stops := r.unwatch
	r.unwatch = nil
	s.mu.Unlock()
	call(stops)
}

func (s *source) resync(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.sync()
}

// setView changes what a reader sees. A nil view sees everything.
func (s *source) setView(m room.Member, view func() judge) error {
	if err := s.checkReader(m); err != nil {
		return err
	}
	r := s.reader(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r == nil || s.closed {
		return ErrClosed
	}
	r.view = view
	r.review()
	return nil
}

// reviewed has a reader's view asked again about everything.
func (s *source) reviewed(m room.Member) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.readers[m]
	if r == nil {
		return false
	}
	r.review()
	return true
}

func (r *reader) review() {
	r.views++
	if r.feed != nil && r.feed.lane != nil {
		r.feed.lane.stir()
	}
}

// conn is the conn that the reader has now, or nil.
func (r *reader) conn() *peer.Conn {
	switch m := r.member.(type) {
	case *peer.Conn:
		return m
	case Session:
		return m.Conn()
	}
	return nil
}

// sync has the reader fed on the conn that it has, or not fed if it is no reader. What is to
// be done is posted to the loops of the conns. mu is held.
func (r *reader) sync() {
	old, fresh := r.change()
	if old != nil {
		old.conn.Loop().Post(old.detach)
	}
	if fresh != nil {
		fresh.conn.Loop().Post(fresh.attach)
	}
}

// change gives the reader another feed, if it is to have another one. The old one is to be
// detached then, and the fresh one to be attached, each on its loop. mu is held.
func (r *reader) change() (old, fresh *feed) {
	var c *peer.Conn
	if r.why != 0 && !r.ended && !r.source.closed {
		if c = r.conn(); c != nil && c.State() >= peer.Softquitted {
			c = nil
		}
	}
	if f := r.feed; f != nil && f.conn != c {
		r.feed, old = nil, f
	}
	if c != nil && r.feed == nil {
		fresh = &feed{source: r.source, reader: r, conn: c, lane: r.source.laneOf(c), chunk: r.source.cfg.PerTick}
		r.feed = fresh
	}
	return old, fresh
}
