package cluster

// What is sent in the simulation, what came, and what its sender was told.

import (
	"errors"
	"slices"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
)

var errSimReset = errors.New("sim: reset")

// simSend is a packet that was taken to be sent.
type simSend struct {
	index int
	flow  simFlow
	stamp uint64         // of the user's binding that it is for
	downs map[string]int // how often the sender had been told of the end of a conn, by node
	to    []*simPlace    // who must get it if nothing happens
	dead  bool           // the binding was over already
	room  string
	nodes int // how often the node itself has got it
	came  map[*simPlace]bool
}

// send sends a packet to somebody.
func (h *simHost) send() {
	w := h.w
	h.sendTo(func(s *simSend, v *simNote) error {
		switch k := w.IntN(100); {
		case k < 50:
			return h.sendUser(s, simtest.Pick(w.World, simUsers), v)
		case k < 80:
			return h.sendRoom(s, simtest.Pick(w.World, simRooms), v)
		}
		name := simtest.Pick(w.World, w.all).Name()
		s.flow = simFlow{h.number, "@" + name}
		if c := h.Node.Node(name); c != nil {
			return peer.Send(c, simNoted, v)
		}
		return peer.ErrNoConn
	})
}

// sendTo has send send a packet.
func (h *simHost) sendTo(send func(s *simSend, v *simNote) error) {
	if h.isPaused() {
		return
	}
	w := h.w
	if len(w.sends) == 0 {
		w.sends = append(w.sends, nil) // numbers begin with 1
	}
	s := &simSend{index: len(w.sends), downs: make(map[string]int), came: make(map[*simPlace]bool)}
	for node, n := range h.downs {
		s.downs[node] = n
	}
	w.sends = append(w.sends, s)
	if send(s, &simNote{s.index}) != nil { // who got it although there was an error is of no interest
		s.to, s.flow.to = nil, s.flow.to+"?"
	}
}

func (h *simHost) sendUser(s *simSend, user string, v *simNote) error {
	s.flow = simFlow{h.number, user}
	at, _ := h.dir.Where(user)
	if b := h.users[user]; b != nil {
		at = directory.Stamp{Time: b.time, Node: h.Name()}
	}
	s.stamp = at.Time
	if h.w.sabotage == simStale && h.w.Chance(5) {
		s.stamp--
	}
	if p := h.w.boundAs(user, at); p != nil {
		s.to = []*simPlace{p}
		b := p.host.users[user]
		s.dead = b == nil || b.time != s.stamp
	}
	return Send(h.Node, User(user), simNoted, v)
}

func (h *simHost) sendRoom(s *simSend, room string, v *simNote) error {
	s.flow, s.room = simFlow{h.number, "#" + room}, room
	nodes := h.dir.NodesOf(room)
	for _, p := range h.w.places {
		if near := p.host == h; p.rooms[room] && !p.ended && (near || nodes[p.host.Name()] > 0 && h.to[p.host.Name()] != nil && h.to[p.host.Name()].id == p.host.self) {
			s.to = append(s.to, p)
		}
	}
	return Send(h.Node, h.Room(room), simNoted, v)
}

// boundAs is the place where a user was bound with a stamp: of two processes of one name, at
// the one that runs.
func (w *simWorld) boundAs(user string, at directory.Stamp) (p *simPlace) {
	for _, b := range w.binds {
		if b.user == user && b.stamp == at.Time && b.place.host.Name() == at.Node && (p == nil || !b.place.host.over) {
			p = b.place
		}
	}
	return p
}

// came takes in that a packet came to a client.
func (w *simWorld) came(p *simPlace, s *simSend) {
	if w.sabotage == simLost && w.Chance(10) {
		return
	}
	if w.sabotage == simDoubled && w.Chance(2) {
		s.came[p] = true
	}
	if s.came[p] {
		w.Fail("packet %d came twice", s.index)
	}
	s.came[p] = true
	flow := s.flow
	if w.sabotage == simSwapped && w.Chance(5) {
		p.last[flow] = s.index + 1
	}
	if s.index <= p.last[flow] {
		w.Fail("packet %d of %d to %s came after %d", s.index, flow.from, flow.to, p.last[flow])
	}
	p.last[flow] = s.index
	if s.stamp != 0 && !slices.ContainsFunc(w.binds, func(b simBind) bool { return b.place == p && b.stamp == s.stamp }) {
		w.Fail("packet %d for the user of %d came to another one", s.index, s.stamp)
	}
	w.count.came++
}

// placeEnded takes in that a client's conn has ended. If that is because its user is
// elsewhere, it must be so.
func (w *simWorld) placeEnded(p *simPlace, reason error) {
	if w.sabotage == simEndUntold && errors.Is(reason, ReasonElsewhere) {
		return
	}
	p.ended, p.reason = true, reason
	clear(p.rooms)
	w.Note("lost %d %v", p.host.number, reason)
	if !errors.Is(reason, ReasonElsewhere) {
		p.user = ""
		return
	}
	w.count.elsewhere++
	user := p.user
	if user == "" { // bound again at the same host, which took the place's user
		return
	}
	p.user = ""
	if !slices.ContainsFunc(w.binds, func(b simBind) bool { return b.user == user && b.place != p && b.later(p) }) {
		w.Fail("%s was ended as being elsewhere, and is not", user)
	}
}

// later reports whether a bind is later than that of a place.
func (b *simBind) later(p *simPlace) bool {
	return b.stamp > p.stamp || b.stamp == p.stamp && b.place.host.Name() > p.host.Name()
}
