package state

// connSide: what a conn has for states: those that it is sent, and those that it sends.

import (
	"sync"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// sideSlot is where a conn has its connSide. It is an identity, and never changes.
var sideSlot = peer.NewSlot[*connSide]()

// maxInlets is how many states the other side of a conn may have this one follow.
const maxInlets = 256

// retryAfter is when a message is sent again for which there was no room.
const retryAfter = 50 * time.Millisecond

// connSide is what a conn has for states. Loop only, but for watch.
type connSide struct {
	conn    *peer.Conn
	watch   sync.Once // OnLost is set
	gone    bool      // the conn is lost
	outlets []*outlet // what this side sends; an outlet's number is its place
	inlets  map[uint64]*inlet
	byName  map[string]*inlet // the same
}

// outlet is what a conn is sent of the values of one packet. Loop only.
//
// A conn may be a reader of several States of the packet, such as those of two rooms. It is
// sent the one that it became a reader of last; when that ends, the one before.
type outlet struct {
	side        *connSide
	number      uint64
	name        string
	feeds       []*feed // the last one is served
	begun       bool    // the other side was told to begin, and not to end
	empty       bool    // it was told to end, and not to begin since
	waiting     bool    // for room to tell it of the end
	sent, acked uint64  // ticks
}

// inlet is what comes of the values of one packet. Loop only.
type inlet struct {
	name   string
	number uint64
	mirror follower // nil: nobody follows
	begun  bool
	asked  bool   // the other side was asked to begin again
	last   uint64 // the last tick that came while nobody followed
	turn   uint64 // which of the mirror's snapshots this is

	due     uint64 // the last tick that is to be acknowledged; 0: none
	again   bool   // then it is to be asked to begin again
	waiting bool   // for room for that
}

func sideOf(c *peer.Conn) *connSide {
	s, ok := sideSlot.Get(c)
	if !ok {
		s = sideSlot.GetOrSet(c, func() *connSide { return &connSide{conn: c} })
	}
	s.watch.Do(func() { c.OnLost(func(error) { s.lost() }) })
	return s
}

// outlet is the outlet for the values of a packet.
func (s *connSide) outlet(name string) *outlet {
	for _, o := range s.outlets {
		if o.name == name {
			return o
		}
	}
	o := &outlet{side: s, number: uint64(len(s.outlets)), name: name}
	s.outlets = append(s.outlets, o)
	return o
}

func (s *connSide) send(b []byte) error { return s.conn.ReplyExtension(FeatureState, b) }

// lost ends everything at the end of the conn.
func (s *connSide) lost() {
	s.gone = true
	for _, o := range s.outlets {
		for _, f := range o.feeds {
			f.forget()
		}
		o.feeds = nil
	}
	for _, in := range s.inlets {
		if in.mirror != nil {
			in.mirror.lost(in)
		}
	}
	s.inlets, s.byName = nil, nil
}

// handle handles a message of the other side.
func (s *connSide) handle(h *host, m *message) error {
	if s.gone {
		return nil
	}
	switch m.kind {
	case acks:
		return s.onAck(m)
	case begins:
		return s.onBegin(h, m)
	}
	in := s.inlets[m.stream]
	if in == nil || !in.begun {
		return ErrOrder
	}
	if m.kind == ends {
		in.begun = false
	}
	if in.mirror == nil {
		s.unfollowed(in, m)
		return nil
	}
	switch m.kind {
	case removes:
		in.mirror.remove(s.conn, in, m)
	case ends:
		in.mirror.end(s.conn, in)
	case complete:
		in.mirror.complete(s.conn, in)
		s.ack(in, m.n)
	case ticked:
		s.ack(in, m.n)
	}
	return nil
}

func (s *connSide) onBegin(h *host, m *message) error {
	in := s.inlets[m.stream]
	switch {
	case in == nil && s.byName[string(m.name)] != nil, in != nil && in.name != string(m.name):
		return ErrMessage
	case in == nil && len(s.inlets) >= maxInlets:
		return &LimitError{"states", maxInlets}
	case in == nil:
		in = &inlet{name: string(m.name), number: m.stream}
		if s.inlets == nil {
			s.inlets, s.byName = make(map[uint64]*inlet), make(map[string]*inlet)
		}
		s.inlets[in.number], s.byName[in.name] = in, in
	}
	in.begun, in.asked, in.last = true, false, 0
	was := in.mirror
	in.mirror = h.mirrorFor(in.name, s.conn)
	if was != nil && was != in.mirror {
		was.lost(in)
	}
	if in.mirror != nil {
		in.mirror.begin(s.conn, in)
	}
	return nil
}

// unfollowed handles a message of what nobody follows. Its ticks are not acknowledged, so that
// no more are sent, unless the other side was asked to begin again.
func (s *connSide) unfollowed(in *inlet, m *message) {
	if m.kind != ticked && m.kind != complete {
		return
	}
	in.last = m.n
	if in.asked {
		s.ack(in, m.n)
	}
}

// adopt asks the other side to begin again with the values of a packet, if nobody has followed
// them and there is a mirror now.
func (s *connSide) adopt(h *host, name string) {
	in := s.byName[name]
	if s.gone || in == nil || !in.begun || in.asked || in.mirror != nil || h.mirrorFor(name, s.conn) == nil {
		return
	}
	in.asked = true
	if in.last > 0 {
		s.ack(in, in.last)
	}
	s.ack(in, beginAgain)
}

// ack acknowledges a tick, and those before it. If there is no room for that now, it is tried
// again: without it nothing more would come.
func (s *connSide) ack(in *inlet, n uint64) {
	if n == beginAgain {
		in.again = true
	} else {
		in.due = max(in.due, n)
	}
	if !in.waiting {
		s.sendAcks(in)
	}
}

// sendAcks sends what is to be acknowledged, or waits for room.
func (s *connSide) sendAcks(in *inlet) {
	sent := func(n uint64) bool { return s.send(appendTick(nil, acks, in.number, n)) == nil }
	if s.gone || s.conn.State() != peer.Active {
		return
	}
	if in.due > 0 && sent(in.due) {
		in.due = 0
	}
	if in.due == 0 && in.again && sent(beginAgain) {
		in.again = false
	}
	if in.due > 0 || in.again {
		in.waiting = true
		s.conn.Loop().After(retryAfter, func() {
			in.waiting = false
			s.sendAcks(in)
		})
	}
}

func (s *connSide) onAck(m *message) error {
	if m.stream >= uint64(len(s.outlets)) || m.n > s.outlets[m.stream].sent {
		return ErrAck
	}
	o := s.outlets[m.stream]
	if m.n == beginAgain {
		if f := o.served(); f != nil {
			f.restart()
			f.stir()
		}
		return nil
	}
	if m.n <= o.acked {
		return nil // again, and harmless
	}
	o.acked = m.n
	if f := o.served(); f != nil {
		f.acknowledged()
	}
	return nil
}

// served is the feed that the conn is sent, or nil.
func (o *outlet) served() *feed {
	if len(o.feeds) == 0 {
		return nil
	}
	return o.feeds[len(o.feeds)-1]
}

// add has f served from now on.
func (o *outlet) add(f *feed) {
	o.feeds = append(o.feeds, f)
	f.restart()
}

// remove ends f.
func (o *outlet) remove(f *feed) {
	served := o.served() == f
	for i, other := range o.feeds {
		if other == f {
			o.feeds = append(o.feeds[:i:i], o.feeds[i+1:]...)
			break
		}
	}
	switch next := o.served(); {
	case next == nil:
		o.end()
	case served:
		next.restart()
		next.stir()
	}
}

// end tells the other side that it follows the state no more. It is told so too if it was
// told nothing yet on this conn: its mirror may have something of the one before. If there is
// no room for that now, it is tried again.
func (o *outlet) end() {
	s := o.side
	if o.waiting || o.empty || o.served() != nil || s.gone || s.conn.State() != peer.Active || !s.conn.Uses(FeatureState) {
		return
	}
	if !o.begun {
		if s.send(appendBegins(nil, o.number, o.name)) != nil {
			o.endLater()
			return
		}
		o.begun = true
	}
	if s.send(appendEnds(nil, o.number)) != nil {
		o.endLater()
		return
	}
	o.begun, o.empty = false, true
}

// endLater calls end when there may be room.
func (o *outlet) endLater() {
	o.waiting = true
	o.side.conn.Loop().After(retryAfter, func() {
		o.waiting = false
		o.end()
	})
}
