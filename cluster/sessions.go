package cluster

// Sessions that go from node to node: to where their clients come, and away from a node that
// drains. A session is at one node at a time, its home.
//
// A node whose client claims a session that it has not asks the others, each of which looks at
// the claim's secret itself. The home takes the session off its conn and sends it; from then on
// nothing of it changes there until the other node says that it has it, or that it has not, or
// until the conn between the nodes ends. In the last case the home keeps the session. The other
// node may have it too then, for a while: see docs/cluster.md.

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Travel is the part of Config for sessions that go from node to node.
type Travel struct {
	// Sessions are those of the node's server. They get ids that no other node gives. Default:
	// none, and sessions stay where they have begun.
	Sessions *session.Sessions

	// Advertise is the address where clients reach this node, as peer.Advice.To has it. A
	// node that drains sends its clients there. Default: they are not told where to go.
	Advertise string

	// Pack returns what the program keeps with a session that goes to another node. It is called
	// on the session's loop. Default: nothing is kept.
	Pack func(s *session.Session) []byte

	// Copies has copies of the sessions kept, by which other nodes go on with the sessions of a node
	// that is gone without a word, such as &Bucket{}. What clients send is acknowledged when a copy
	// knows of it. Default: none, and these sessions end.
	Copies Copies

	// Arrived is called when a session has come from another node, before a conn carries it:
	// its user is bound and it is in its rooms again. It is called on a loop of the server, which
	// is the session's. Default: none.
	Arrived func(a Arrival)
}

// Arrival is that a session has come from another node.
type Arrival struct {
	Session *session.Session
	Blob    []byte // what Travel.Pack returned there; of the program's own from now on
	From    string // the node, "" if it comes from a copy: what its node has sent since that may be lost
}

const (
	// maxFinds bounds how many sessions a node looks for at once, and how many it gives away at
	// once, to all others together. With fewer, clients who all come at once have to come again.
	maxFinds = 4096

	// maxMoved bounds how many sessions a node remembers that it has given away. With fewer,
	// more nodes are asked for each.
	maxMoved = 65536
)

// errLater is that it is not known whether there is a session: its client is to come again.
var errLater = errors.New("cluster: not known where the session is")

// travel is what a node has to do with sessions that go from node to node.
type travel struct {
	// Set once.
	node    *Node
	cfg     Travel
	self    origin
	archive *archive // nil: there are no copies
	atOnce  int      // how many sessions are on their way at once while the node drains

	mu sync.Mutex

	// Guarded by mu. It is never taken while the node's mu is held, and never held when that is
	// taken.
	number   uint64                // of the last find or push
	finds    map[uint64]*find      // under way
	pushes   map[uint64]*push      // under way
	gives    map[giveKey]*give     // to nodes that have asked, until they say that they have it
	far      map[string]*about     // what other nodes say of themselves
	moved    map[session.ID]string // to which nodes sessions were given
	movedIDs []session.ID          // in which order, of the last maxMoved
	draining bool
	turn     int // of the nodes that sessions are pushed to
}

// about is what another node says of itself.
type about struct {
	conn     *peer.Conn
	takes    bool // sessions
	origin   origin
	address  string
	draining bool
}

// find is a session that this node looks for.
type find struct {
	claim   session.Claim
	answer  func(session.Found)
	asked   map[string]bool // nodes
	waiting map[*peer.Conn]bool
	all     bool // all nodes were asked
	later   bool // one of them could not answer
	timer   *time.Timer
}

// giveKey is by what a node names a session that it has asked for.
type giveKey struct {
	conn   *peer.Conn
	number uint64
}

// give is a session that another node has asked for. released is nil until it is off its conn.
type give struct{ released *session.Released }

func newTravel(n *Node, cfg Travel) *travel {
	t := &travel{
		node: n, cfg: cfg, atOnce: pushesAtOnce, finds: make(map[uint64]*find), pushes: make(map[uint64]*push), gives: make(map[giveKey]*give),
		far: make(map[string]*about), moved: make(map[session.ID]string),
	}
	if cfg.Copies != nil && cfg.Sessions != nil {
		t.archive = newArchive(t, cfg.Copies)
	}
	return t
}

// begin has the sessions know of other nodes.
func (t *travel) begin() {
	if t.cfg.Sessions != nil {
		t.self = newOrigin(t.node.self.Name)
		t.cfg.Sessions.SetOrigin(t.self.node, t.self.epoch)
		t.cfg.Sessions.SetFinder(t.find)
	}
	if t.archive != nil {
		t.archive.begin()
	}
	t.node.srv.Observe(peer.Observer{Lost: t.incomingLost})
	t.node.cli.Observe(peer.Observer{Made: t.introduce, Lost: t.outgoingLost})
}

// use has a Bucket use the node's connection to NATS.
func (t *travel) use(b bus) {
	bus, isNATS := b.(*natsBus)
	if bucket, ok := t.cfg.Copies.(*Bucket); ok && isNATS {
		bucket.use(bus.conn)
	}
}

// end has the sessions know of no other nodes, and ends what is under way.
func (t *travel) end() {
	t.cfg.Sessions.SetFinder(nil)
	if t.archive != nil {
		t.archive.end()
	}
	t.mu.Lock()
	finds := make([]uint64, 0, len(t.finds))
	for number := range t.finds {
		finds = append(finds, number)
	}
	var kept []*session.Released
	for key, g := range t.gives {
		kept = append(kept, g.released)
		delete(t.gives, key)
	}
	t.mu.Unlock()
	for _, number := range finds {
		t.conclude(number, errLater)
	}
	for _, r := range kept {
		if r != nil {
			r.Keep()
		}
	}
}

// introduce tells another node what it has to know of this one.
func (t *travel) introduce(c *peer.Conn) {
	t.mu.Lock()
	m := travelMessage{kind: travelAbout, b: []byte(t.cfg.Advertise)}
	if t.cfg.Sessions != nil {
		m.a = t.self.bytes()
	}
	if t.draining {
		m.why = 1
	}
	t.mu.Unlock()
	m.send(c)
}

// others are the nodes that are there and not in asked, with their conns; unreachable says that
// some have none. first names a node that is the only one to be asked, if it is there.
func (t *travel) others(asked map[string]bool, first string) (conns map[string]*peer.Conn, unreachable bool) {
	n := t.node
	conns = make(map[string]*peer.Conn)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.members.All() {
		name := h.From.Name
		if asked[name] || first != "" && name != first {
			continue
		}
		if o := n.to[name]; o != nil && o.conn != nil {
			conns[name] = o.conn
		} else {
			unreachable = true
		}
	}
	return conns, unreachable
}

// find is the session.Finder.
func (t *travel) find(c session.Claim, answer func(session.Found)) {
	f := &find{claim: c, answer: answer, asked: make(map[string]bool), waiting: make(map[*peer.Conn]bool)}
	t.mu.Lock()
	if len(t.finds) >= maxFinds {
		t.mu.Unlock()
		answer(session.Found{Err: errLater})
		return
	}
	t.number++
	number := t.number
	t.finds[number] = f
	f.timer = time.AfterFunc(t.node.cfg.Lease, func() { t.conclude(number, errLater) })
	first := t.likely(c.ID)
	t.mu.Unlock()
	t.ask(number, f, first)
}

// likely is the node that most likely has a session. mu is held.
func (t *travel) likely(id session.ID) string {
	if node := t.moved[id]; node != "" {
		return node
	}
	for node, a := range t.far {
		if a.takes && a.origin == (origin{id.Node, id.Epoch}) {
			return node
		}
	}
	return ""
}

// ask asks one node, or all that were not asked yet, and concludes if there is none.
func (t *travel) ask(number uint64, f *find, first string) {
	for {
		t.mu.Lock()
		asked := make(map[string]bool, len(f.asked))
		for node := range f.asked {
			asked[node] = true
		}
		t.mu.Unlock()
		conns, unreachable := t.others(asked, first)
		t.mu.Lock()
		if t.finds[number] != f {
			t.mu.Unlock()
			return
		}
		f.later = f.later || unreachable
		f.all = f.all || first == ""
		for node, c := range conns {
			f.asked[node] = true
			m := travelMessage{kind: travelAsk, number: number, a: idBytes(f.claim.ID), b: f.claim.Proof}
			if m.send(c) == nil {
				f.waiting[c] = true
			} else {
				f.later = true
			}
		}
		over, all := len(f.waiting) == 0, f.all
		t.mu.Unlock()
		switch {
		case !over:
			return
		case all:
			t.conclude(number, session.ErrUnknown)
			return
		}
		first = ""
	}
}

// conclude ends the search for a session that was not found.
func (t *travel) conclude(number uint64, err error) {
	t.mu.Lock()
	f := t.finds[number]
	delete(t.finds, number)
	t.mu.Unlock()
	if f == nil {
		return
	}
	f.timer.Stop()
	if f.later || t.node.now() < t.node.cfg.Lease { // else this node may not know yet who is there
		err = errLater
	}
	if t.archive != nil && err == session.ErrUnknown {
		t.archive.restore(f)
		return
	}
	f.answer(session.Found{Err: err})
}

// hasNot is called when a node has answered that it has not got a session. next is the node
// that has, if that is known.
func (t *travel) hasNot(c *peer.Conn, number uint64, why uint64, next string) {
	t.mu.Lock()
	f := t.finds[number]
	if f == nil || !f.waiting[c] {
		t.mu.Unlock()
		return
	}
	delete(f.waiting, c)
	f.later = f.later || why == notNow
	wait := len(f.waiting) > 0
	follow := next != "" && !f.asked[next]
	all := f.all
	t.mu.Unlock()
	switch {
	case follow:
		t.ask(number, f, next)
	case wait:
	case all:
		t.conclude(number, session.ErrUnknown)
	default:
		t.ask(number, f, "")
	}
}

// has is called when a node gives a session that was asked for.
func (t *travel) has(c *peer.Conn, number uint64, data []byte) {
	t.mu.Lock()
	f := t.finds[number]
	if f != nil {
		delete(t.finds, number)
		f.timer.Stop()
	}
	t.mu.Unlock()
	if f == nil { // it came too late, or another node was faster
		(&travelMessage{kind: travelLeft, number: number}).send(c)
		return
	}
	f.answer(session.Found{
		Data:    slices.Clone(data),
		Arrived: t.arrivedOn(c),
		Taken: func(err error) {
			m := travelMessage{kind: travelTook, number: number}
			if err != nil {
				m.kind = travelLeft
				t.node.cfg.Logger.Warn("session of another node was not taken", "session", f.claim.ID, "node", NodeOf(c), "err", err)
			} else {
				t.count(func(s *Stats) { s.Arrived++ })
			}
			m.send(c)
		},
	})
}

// asked is called when another node asks for a session of this one.
func (t *travel) asked(c *peer.Conn, m *travelMessage) {
	id, ok := readID(m.a)
	key := giveKey{c, m.number}
	t.mu.Lock()
	refuse := !ok || len(t.gives) >= maxFinds || t.gives[key] != nil
	if !refuse {
		t.gives[key] = new(give)
	}
	next := t.moved[id]
	t.mu.Unlock()
	if refuse {
		(&travelMessage{kind: travelNot, number: m.number, why: notNow}).send(c)
		return
	}
	number := m.number
	claim := session.Claim{ID: id, Proof: slices.Clone(m.b)}
	t.cfg.Sessions.Release(claim, t.pack, func(r *session.Released, err error) { t.released(key, number, next, r, err) })
}

// released sends a session to the node that has asked for it, or tells it why not.
func (t *travel) released(key giveKey, number uint64, next string, r *session.Released, err error) {
	t.mu.Lock()
	g := t.gives[key]
	if g != nil && err == nil {
		g.released = r
	} else {
		delete(t.gives, key)
	}
	t.mu.Unlock()
	switch {
	case errors.Is(err, session.ErrUnknown):
		(&travelMessage{kind: travelNot, number: number, why: notHere, a: []byte(next)}).send(key.conn)
	case err != nil:
		(&travelMessage{kind: travelNot, number: number, why: notNow}).send(key.conn)
	case g == nil: // the conn has ended meanwhile
		r.Keep()
	case (&travelMessage{kind: travelGive, number: number, a: r.Data()}).send(key.conn) != nil:
		t.settle(key, false)
		(&travelMessage{kind: travelNot, number: number, why: notNow}).send(key.conn)
	}
}

// settle is called when the node that has asked for a session says whether it has it now.
func (t *travel) settle(key giveKey, took bool) {
	t.mu.Lock()
	g := t.gives[key]
	if g == nil || g.released == nil {
		t.mu.Unlock()
		return
	}
	delete(t.gives, key)
	if took {
		t.remember(g.released.Session().ID(), NodeOf(key.conn))
	}
	t.mu.Unlock()
	if !took {
		g.released.Keep()
		return
	}
	t.count(func(s *Stats) { s.Departed++ })
	g.released.Gone(peer.Advice{})
}

// remember notes where a session is now. mu is held.
func (t *travel) remember(id session.ID, node string) {
	if _, known := t.moved[id]; !known {
		if len(t.movedIDs) == maxMoved {
			delete(t.moved, t.movedIDs[0])
			t.movedIDs = t.movedIDs[1:]
		}
		t.movedIDs = append(t.movedIDs, id)
	}
	t.moved[id] = node
}

// incomingLost has the sessions go on here that the other node had asked for on the conn.
func (t *travel) incomingLost(c *peer.Conn, _ error) {
	if NodeOf(c) == "" {
		return
	}
	var kept []*session.Released
	t.mu.Lock()
	for key, g := range t.gives {
		if key.conn == c {
			delete(t.gives, key)
			if g.released != nil {
				kept = append(kept, g.released)
			}
		}
	}
	if a := t.far[NodeOf(c)]; a != nil && a.conn == c {
		delete(t.far, NodeOf(c))
	}
	t.mu.Unlock()
	for _, r := range kept {
		r.Keep()
	}
}

// outgoingLost has nothing wait for an answer on the conn any more.
func (t *travel) outgoingLost(c *peer.Conn, _ error) {
	t.mu.Lock()
	var waits []uint64
	for number, f := range t.finds {
		if f.waiting[c] {
			waits = append(waits, number)
		}
	}
	pushes := t.pushesOn(c)
	t.mu.Unlock()
	for _, number := range waits {
		t.hasNot(c, number, notNow, "")
	}
	for _, number := range pushes {
		t.pushed(c, number, false)
	}
}

// told takes in what another node tells on its own conn, answered what it answers on this node's.
func (t *travel) told(c *peer.Conn, payload []byte) error {
	m, err := readTravel(payload)
	switch {
	case err != nil:
		return err
	case m.kind == travelAbout:
		return t.introduced(c, &m)
	case t.cfg.Sessions == nil:
		if m.kind == travelAsk || m.kind == travelPush {
			(&travelMessage{kind: travelNot, number: m.number, why: notHere}).send(c)
		}
		return nil
	}
	switch m.kind {
	case travelAsk:
		t.asked(c, &m)
	case travelTook, travelLeft:
		t.settle(giveKey{c, m.number}, m.kind == travelTook)
	case travelPush:
		t.takePush(c, &m)
	default:
		return errTold
	}
	return nil
}

func (t *travel) answered(c *peer.Conn, payload []byte) error {
	m, err := readTravel(payload)
	if err != nil {
		return err
	}
	switch m.kind {
	case travelGive:
		t.has(c, m.number, m.a)
	case travelNot:
		t.hasNot(c, m.number, m.why, string(m.a))
		t.pushed(c, m.number, false)
	case travelTook:
		t.pushed(c, m.number, true)
	default:
		return errTold
	}
	return nil
}

// introduced notes what another node says of itself.
func (t *travel) introduced(c *peer.Conn, m *travelMessage) error {
	o, takes := readOrigin(m.a)
	if !takes && len(m.a) > 0 || len(m.b) > peer.MaxTo {
		return errTold
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.far[NodeOf(c)] = &about{conn: c, takes: takes, origin: o, address: string(m.b), draining: m.why == 1}
	return nil
}

func (t *travel) count(f func(*Stats)) {
	t.node.mu.Lock()
	defer t.node.mu.Unlock()
	f(&t.node.stats)
}
