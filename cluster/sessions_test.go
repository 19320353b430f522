package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// home is a test node's part of the sessions.
type home struct {
	sessions *session.Sessions
	fresh    chan *session.Session
	got      chan note // in sessions
	arrived  chan Arrival
	ends     chan ended
}

// ended is the end of a session.
type ended struct {
	id      session.ID
	reason  error
	unacked []int
}

func numbersOf(packets []session.Packet) (all []int) {
	for _, p := range packets {
		if v, err := session.Decode(p, noted); err == nil {
			all = append(all, v.N)
		}
	}
	return all
}

// withSessions has the nodes of a network serve sessions that go from node to node.
func withSessions(seed uint64) *network {
	w := newNetwork(seed)
	w.change = func(n *testNode, cfg *Config) {
		h := &home{
			fresh: make(chan *session.Session, 1000), got: make(chan note, 100_000),
			arrived: make(chan Arrival, 1000), ends: make(chan ended, 1000),
		}
		n.home = h
		h.sessions = session.Serve(n.srv, &session.Config{
			OnNew: func(s *session.Session) { h.fresh <- s },
			OnEnd: func(s *session.Session, reason error, unacked []session.Packet) {
				h.ends <- ended{s.ID(), reason, numbersOf(unacked)}
			},
		})
		peer.Handle(n.srv, noted, func(c *peer.Conn, v *note) error { h.got <- *v; return nil })
		cfg.Travel = Travel{
			Sessions: h.sessions, Advertise: n.addr,
			Pack:    func(s *session.Session) []byte { return []byte("of " + s.String()) },
			Arrived: func(a Arrival) { h.arrived <- a },
		}
	}
	return w
}

// wanderer is a client with a session, whose conns the test makes.
type wanderer struct {
	*session.Session
	cli  *peer.Client
	got  chan note
	ends chan ended
	conn *peer.Conn
}

func newWanderer(t *testing.T) *wanderer {
	t.Helper()
	x := &wanderer{ends: make(chan ended, 1)}
	x.cli, x.got = clustertest.NewClient(t, nil)
	x.Session = session.New(x.cli, &session.Config{OnEnd: func(s *session.Session, reason error, unacked []session.Packet) {
		x.ends <- ended{s.ID(), reason, numbersOf(unacked)}
	}})
	return x
}

// try has a new conn to a node claim the session.
func (x *wanderer) try(t *testing.T, n *testNode) {
	t.Helper()
	c, err := x.cli.Connect(t.Context(), n.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Carry(c); err != nil {
		t.Fatal(err)
	}
	x.conn = c
}

// come has conns claim the session at a node until one carries it, and returns the session there.
func (x *wanderer) come(t *testing.T, n *testNode) *session.Session {
	t.Helper()
	x.try(t, n)
	await.True(t, "the session at "+n.Name(), func() bool {
		if x.Err() != nil {
			t.Fatalf("the session has ended: %v", x.Err())
		}
		if x.conn.State() != peer.Active {
			x.try(t, n)
		}
		return x.Session.Conn() == x.conn
	})
	return n.home.sessions.Get(x.ID())
}

// cut ends the conn that carries the session, and waits until the node where it is has seen that.
func (x *wanderer) cut(t *testing.T, at *session.Session) {
	t.Helper()
	x.conn.Abort(errors.New("cut by the test"))
	await.True(t, "the session is away", at.Away)
}

// settled waits until this node is old enough to know all others.
func settled(t *testing.T, all []*testNode) {
	t.Helper()
	for _, n := range all {
		await.True(t, "a node that is not young", func() bool { return n.now() > n.cfg.Lease })
	}
}

// one waits until one node has the session, and no other.
func (x *wanderer) one(t *testing.T, all []*testNode, at *testNode) {
	t.Helper()
	await.True(t, "one home of the session", func() bool {
		for _, n := range all {
			if has := n.home.sessions.Get(x.ID()) != nil; has != (n == at) {
				return false
			}
		}
		return true
	})
}

func sendNote(t *testing.T, s *session.Session, i int) {
	t.Helper()
	if err := session.Send(s, noted, &note{N: i}); err != nil {
		t.Fatalf("note %d: %v", i, err)
	}
}

// handledOnce waits until the nodes have handled so many notes: each was handled at one node,
// and at each node in order if they are one client's.
func handledOnce(t *testing.T, all []*testNode, count int, ofOne bool) {
	t.Helper()
	handled := func() (n int) {
		for _, node := range all {
			n += len(node.home.got)
		}
		return n
	}
	await.True(t, "all notes at the nodes", func() bool { return handled() >= count })
	at := make(map[int]string)
	for _, n := range all {
		last := -1
		for range len(n.home.got) {
			v := <-n.home.got
			if at[v.N] != "" || ofOne && v.N <= last {
				t.Errorf("note %d came to %s after note %d, and to %q before", v.N, n.Name(), last, at[v.N])
			}
			at[v.N], last = n.Name(), v.N
		}
	}
}

// A session goes to whatever node its client comes to, over a network that loses and delays, with
// packets under way in both directions: each comes once and in order. Its user and its rooms
// go with it.
func TestSessionFollowsItsClient(t *testing.T) {
	w := withSessions(1)
	w.lost, w.doubled, w.late = .05, .05, .05
	all := w.startAll(t, 3)
	x := newWanderer(t)
	at := x.come(t, all[0])
	if err := all[0].Bind(at, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := all[0].Room("guild").Join(at); err != nil {
		t.Fatal(err)
	}
	sent := 0
	both := func() {
		for range 20 {
			sent++
			sendNote(t, x.Session, sent)
			sendNote(t, at, sent)
		}
	}
	both()
	for _, i := range []int{1, 2, 0, 2, 1} {
		x.cut(t, at)
		both()
		at = x.come(t, all[i])
		x.one(t, all, all[i])
		both()
		a := await.Value(t, "arrival", all[i].home.arrived)
		if a.Session != at || string(a.Blob) != "of "+at.String() || a.From == all[i].Name() {
			t.Errorf("arrived: %v %q %v", a.Session, a.Blob, a.From)
		}
		for _, n := range all {
			knows(t, n, "ann", all[i].Name())
			await.True(t, "the member at its new node alone", func() bool {
				return slices.Equal(n.Presence("guild").Members(), []Member{{"ann", all[i].Name()}})
			})
		}
	}
	for i := 1; i <= sent; i++ {
		if v := await.Value(t, "note", x.got); v.N != i {
			t.Fatalf("the client got note %d, want %d", v.N, i)
		}
	}
	handledOnce(t, all, sent, true)
	if st := all[0].Stats(); st.Arrived == 0 || st.Departed == 0 {
		t.Errorf("counted %+v", st)
	}
}

// Who does not know a session's secret cannot move it or end it.
func TestWrongSecretMovesNothing(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	found := make(chan session.Found, 1)
	all[1].travel.find(session.Claim{ID: x.ID(), Proof: make([]byte, 20)}, func(f session.Found) { found <- f })
	if f := await.Value(t, "answer", found); !errors.Is(f.Err, session.ErrUnknown) || f.Data != nil {
		t.Errorf("found %v", f.Err)
	}
	if at.Away() || at.Conn().State() != peer.Active {
		t.Error("the session is away")
	}
	sendNote(t, at, 1)
	await.Value(t, "note", x.got)
}

// A session whose home is gone ends at its client, which is told what was not acknowledged.
func TestHomeIsGone(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 3)
	settled(t, all)
	x := newWanderer(t)
	x.come(t, all[0])
	w.setCut("n0", true)
	await.True(t, "home that is gone", func() bool { return len(all[1].Nodes()) == 1 && len(all[2].Nodes()) == 1 })
	x.conn.Abort(errors.New("cut by the test"))
	await.True(t, "the session is away", x.Away)
	sendNote(t, x.Session, 7)
	x.try(t, all[1])
	e := await.Value(t, "end", x.ends)
	if !errors.Is(e.reason, session.ErrUnknown) || !slices.Equal(e.unacked, []int{7}) {
		t.Errorf("ended with %v, not acknowledged: %v", e.reason, e.unacked)
	}
}

// While a home may only be cut off, its sessions do not end: their clients come back, and find
// them when it is there again.
func TestHomeIsCutWhileAsked(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	x.cut(t, at)
	sendNote(t, at, 1)
	w.setCut("n0", true)
	x.try(t, all[1])
	await.True(t, "end of the conn", func() bool { return x.conn.State() != peer.Active })
	w.setCut("n0", false)
	whole(t, all)
	x.come(t, all[1])
	x.one(t, all, all[1])
	if v := await.Value(t, "note", x.got); v.N != 1 {
		t.Errorf("got note %d", v.N)
	}
}

// A conn between nodes that ends at any moment of a move leaves one session that goes on, and
// nothing is lost or doubled.
func TestCutsDuringMoves(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	moves := 60
	if testing.Short() {
		moves = 15
	}
	for i := range moves {
		sendNote(t, x.Session, i)
		sendNote(t, at, i)
		to := all[(i+1)%2]
		x.cut(t, at)
		x.try(t, to)
		cut := time.AfterFunc(time.Duration(i)*20*time.Microsecond, func() {
			for _, n := range all {
				for c := range n.srv.Conns() {
					if NodeOf(c) != "" {
						c.Abort(errors.New("cut by the test"))
					}
				}
			}
		})
		at = x.come(t, to)
		cut.Stop()
		whole(t, all)
	}
	for i := range moves {
		if v := await.Value(t, "note", x.got); v.N != i {
			t.Fatalf("the client got note %d, want %d", v.N, i)
		}
	}
	handledOnce(t, all, moves, true)
}

// A node that has given a session away says where it is.
func TestChainOfHomes(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 4)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	for _, n := range all[1:3] {
		x.cut(t, at)
		at = x.come(t, n)
		x.one(t, all, n)
	}
	asked := make(map[string]bool)
	f := &find{claim: session.Claim{ID: x.ID(), Proof: make([]byte, 20)}, asked: asked, waiting: make(map[*peer.Conn]bool)}
	over := make(chan session.Found, 1)
	f.answer = func(f session.Found) { over <- f }
	f.timer = time.NewTimer(time.Hour)
	tr := all[3].travel
	tr.mu.Lock()
	tr.finds[1<<40] = f
	first := tr.likely(x.ID())
	tr.mu.Unlock()
	if first != "n0" {
		t.Errorf("the node that is asked first is %q", first)
	}
	tr.ask(1<<40, f, first)
	await.Value(t, "answer", over)
	if len(asked) != 3 {
		t.Errorf("asked %v", asked)
	}
	if all[0].travel.moved[x.ID()] != "n1" || all[1].travel.moved[x.ID()] != "n2" {
		t.Error("the homes do not know where the session went")
	}
}

// What is no message about sessions ends the conn of the node that sends it, and does no harm.
func FuzzTravel(f *testing.F) {
	f.Add((&travelMessage{kind: travelAsk, number: 7, a: idBytes(session.ID{Node: 1, Epoch: 2, Seq: 3}), b: []byte("proof")}).append(nil))
	f.Add((&luggage{user: "ann", time: 7, rooms: []string{"guild"}, blob: []byte("x"), marks: (&durableMarks{last: map[string]uint64{"": 7}}).append(nil)}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := readTravel(b); err == nil {
			if again, err := readTravel(m.append(nil)); err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
				t.Errorf("%+v comes back as %+v, %v", m, again, err)
			}
			readID(m.a)
			readOrigin(m.a)
		}
		if marks, err := readMarks(b); err == nil {
			if again, err := readMarks(marks.append(nil)); err != nil || !maps.Equal(again.last, marks.last) {
				t.Errorf("%v comes back as %v, %v", marks.last, again, err)
			}
		}
		if l, err := readLuggage(b); err == nil {
			if again, err := readLuggage(l.append(nil)); err != nil || strings.Join(again.rooms, ",") != strings.Join(l.rooms, ",") {
				t.Errorf("%+v comes back as %+v, %v", l, again, err)
			}
		}
	})
}

// A user who comes with his session is bound later than he was at the node before, also where this one's
// clock is behind, and word of the bind there has not come yet: that does not end the session then.
func TestUserWhoComesIsBoundLater(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 1)
	x := newWanderer(t)
	at := x.come(t, all[0])
	before := uint64(time.Now().Add(time.Hour).UnixMilli())
	all[0].travel.unpack(at, &luggage{user: "ann", time: before}, "elsewhere")
	all[0].mu.Lock()
	defer all[0].mu.Unlock()
	if s, _ := all[0].dir.Where("ann"); s.Time <= before {
		t.Errorf("bound at %d, after %d", s.Time, before)
	}
}
