package session

// Sessions that conns claim at a server which has not got them.

import (
	"errors"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// finds has a server find sessions at another one.
func finds(at, from *pair) {
	at.sessions.SetFinder(func(c Claim, answer func(Found)) {
		from.sessions.Release(c, func(s *Session) []byte { return []byte(s.String()) }, func(r *Released, err error) {
			if err != nil {
				answer(Found{Err: err})
				return
			}
			answer(Found{
				Data: r.Data(),
				Arrived: func(s *Session, blob []byte) {
					if string(blob) == s.String() {
						at.heard.add("arrived")
					}
				},
				Taken: func(err error) {
					if err == nil {
						r.Gone(peer.Advice{})
					} else {
						at.heard.add("not taken: " + err.Error())
						r.Keep()
					}
				},
			})
		})
	})
}

// two are servers that find each other's sessions, and a client of both.
type two struct {
	a, b *pair
	cli  *peer.MemoryClient
	got  chan int
}

func newTwo(t *testing.T, cfg Config) *two {
	t.Helper()
	leak.Check(t)
	x := &two{a: newPair(t, cfg), b: newPair(t, cfg), got: make(chan int, 1000)}
	x.a.sessions.SetOrigin(1, 1)
	x.b.sessions.SetOrigin(2, 1)
	finds(x.a, x.b)
	finds(x.b, x.a)
	far := newSide(true)
	x.cli = peer.NewMemoryClient(far.Reg, &far.Cfg)
	handleNews(x.cli, x.got)
	if err := x.cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.cli.Close() })
	return x
}

// carry has a conn to a server carry the session.
func (x *two) carry(t *testing.T, s *Session, at *pair) *peer.Conn {
	t.Helper()
	c, err := x.cli.Connect(t.Context(), at.server)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Carry(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin begins a session of the client's at the first server.
func (x *two) begin(t *testing.T, cfg *Config) (near, far *Session, c *peer.Conn) {
	t.Helper()
	near = New(x.cli, cfg)
	c = x.carry(t, near, x.a)
	far = await.Value(t, "session", x.a.fresh)
	<-near.Begun()
	return near, far, c
}

// back waits until the client's session is carried by a conn again.
func back(t *testing.T, s *Session, c *peer.Conn) {
	t.Helper()
	await.True(t, "the session is back", func() bool { return s.Conn() == c })
}

// A session goes to the server where its client comes, to and fro, with what was not
// acknowledged in both directions: nothing is lost, and nothing comes twice.
func TestSessionFollowsItsClient(t *testing.T) {
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, nil)
	n := 0
	both := func() {
		for range 10 {
			n++
			send(t, near, n)
			send(t, far, n)
		}
	}
	both()
	at, other := x.b, x.a
	for range 6 {
		c.Abort(errCut)
		await.True(t, "the session is away", far.Away)
		both()
		c = x.carry(t, near, at)
		back(t, near, c)
		far = at.sessions.Get(near.ID())
		await.True(t, "the session is at the one server where its client is", func() bool { return far != nil && other.sessions.Len() == 0 })
		both()
		at, other = other, at
	}
	wantSequence(t, x.got, 1, n)
	got := make(map[int]bool)
	for _, ch := range []chan int{x.a.got, x.b.got} {
		await.True(t, "packets at the servers", func() bool { return len(x.a.got)+len(x.b.got)+len(got) == n })
		last := 0
		for range len(ch) {
			v := <-ch
			if v <= last || got[v] {
				t.Fatalf("packet %d came after packet %d", v, last)
			}
			last, got[v] = v, true
		}
	}
	if all := x.b.heard.all(); !slices.Equal(all[:2], []string{"arrived", "back"}) {
		t.Errorf("the program was told %v", all)
	}
	if st := StatsOf(x.a.server); st.Malformed+st.Wrong+st.Refused != 0 {
		t.Errorf("the first server has counted %+v", st)
	}
}

// Who knows the id of a session and not its secret cannot move it: it goes on where it is, on the
// same conn.
func TestWrongClaimDoesNoHarm(t *testing.T) {
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, nil)
	answers := make(chan any, 10)
	mal, _ := stranger(t, x.b, answers)
	mal.SendExtension(Feature, (&resume{id: near.ID(), secret: newSecret(), attempt: 9}).append(nil))
	if got := await.Value(t, "answer", answers); got != refusedUnknown {
		t.Errorf("answered %v", got)
	}
	for _, c := range []Claim{{}, {ID: near.ID()}, {near.ID(), []byte("x")}, {near.ID(), make([]byte, proofSize)}} {
		x.a.sessions.Release(c, nil, func(r *Released, err error) {
			if r != nil || !errors.Is(err, ErrUnknown) {
				t.Errorf("released %v, %v", r, err)
			}
		})
	}
	send(t, far, 1)
	wantSequence(t, x.got, 1, 1)
	if near.Conn() != c || far.Err() != nil {
		t.Error("the session was harmed")
	}
}

// A claim that is older than the conn which carries the session does not get it.
func TestOlderClaimElsewhere(t *testing.T) {
	x := newTwo(t, Config{})
	answers := make(chan any, 10)
	first, _ := stranger(t, x.a, answers)
	first.SendExtension(Feature, (&begin{nonce: newSecret(), attempt: 5}).append(nil))
	m := await.Value(t, "answer", answers).(*accepted)
	second, lost := stranger(t, x.b, answers)
	second.SendExtension(Feature, (&resume{id: m.id, secret: m.secret, attempt: 5}).append(nil))
	if reason := await.Value(t, "loss", lost); reason != ReasonMoved {
		t.Errorf("lost with %v", reason)
	}
	if s := x.a.sessions.Get(m.id); s == nil || s.Away() {
		t.Error("the session was moved by an old claim")
	}
}

// Where it is not known whether there is a session, its client comes back; where it is known
// that there is none, the session ends.
func TestNotFound(t *testing.T) {
	ended := make(chan ends, 1)
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, &Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	no := errors.New("no answer in time")
	x.b.sessions.SetFinder(func(_ Claim, answer func(Found)) { answer(Found{Err: no}); answer(Found{Err: ErrUnknown}) })
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	away := make(chan error, 1)
	c = x.carry(t, near, x.b)
	c.OnLost(func(reason error) { away <- reason })
	if reason := await.Value(t, "loss", away); !errors.Is(reason, ReasonMoved) {
		t.Errorf("lost with %v", reason)
	}
	if near.Err() != nil {
		t.Fatalf("ended with %v", near.Err())
	}
	send(t, near, 7)
	x.b.sessions.SetFinder(func(_ Claim, answer func(Found)) { answer(Found{Err: ErrUnknown}) })
	x.carry(t, near, x.b)
	e := await.Value(t, "end", ended)
	if e.reason != ErrUnknown || !slices.Equal(numbers(t, e.unacked), []int{7}) {
		t.Errorf("ended with %v, not acknowledged: %v", e.reason, e.unacked)
	}
	if st := StatsOf(x.b.server); st.Unknown != 1 {
		t.Errorf("counted %+v", st)
	}
}

// A session stays where it is if the conn that has claimed it is lost meanwhile, or if the other
// server cannot take it.
func TestNotTaken(t *testing.T) {
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, nil)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	found := make(chan func(), 1)
	find := *x.b.sessions.finder.Load()
	x.b.sessions.SetFinder(func(c Claim, answer func(Found)) {
		find(c, func(f Found) { found <- func() { answer(f) } })
	})
	x.carry(t, near, x.b)
	answer := await.Value(t, "session that was found", found)
	lost := make(chan error, 1)
	for c := range x.b.server.Conns() {
		c.OnLost(func(reason error) { lost <- reason })
		c.Abort(errCut)
	}
	await.Value(t, "end of the claim's conn", lost)
	answer()
	await.True(t, "word that it was not taken", func() bool { return slices.Contains(x.b.heard.all(), "not taken: "+ErrLost.Error()) })
	x.b.sessions.SetFinder(func(c Claim, answer func(Found)) {
		find(c, func(f Found) { f.Data = f.Data[1:]; answer(f) })
	})
	x.carry(t, near, x.b)
	await.True(t, "word that it was not taken", func() bool { return len(x.b.heard.all()) == 2 })
	await.True(t, "the session goes on where it was", func() bool { return !far.isFrozen() })
	send(t, far, 1)
	back(t, near, x.carry(t, near, x.a))
	wantSequence(t, x.got, 1, 1)
	if x.a.sessions.Get(near.ID()) != far || x.b.sessions.Len() != 0 {
		t.Error("the session is elsewhere")
	}
}

// What a copy of a session has to tell that was left behind is told before the session comes.
func TestCopyEndsWhenTheSessionComes(t *testing.T) {
	ended := make(chan ends, 10)
	x := newTwo(t, Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	near, far, c := x.begin(t, nil)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	far.Release(nil, func(r *Released, err error) {
		if _, _, err := x.b.sessions.Import(r.Data()); err != nil {
			t.Error(err)
		}
		r.Keep() // as if the word had not come that the other server has it
	})
	await.True(t, "a copy", func() bool { return x.b.sessions.Len() == 1 && !far.isFrozen() })
	send(t, x.b.sessions.Get(near.ID()), 7)
	c = x.carry(t, near, x.a)
	back(t, near, c)
	send(t, far, 1)
	wantSequence(t, x.got, 1, 1)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	send(t, far, 2)
	back(t, near, x.carry(t, near, x.b))
	wantSequence(t, x.got, 2, 2)
	e := await.Value(t, "end of the copy", ended)
	if e.reason != ErrSuperseded || !slices.Equal(numbers(t, e.unacked), []int{7}) {
		t.Errorf("the copy ended with %v, not acknowledged: %v", e.reason, e.unacked)
	}
}

// Both servers are asked at once by conns of one client: one carries the session in the end, at
// one server.
func TestTwoClaimsAtTwoServers(t *testing.T) {
	x := newTwo(t, Config{})
	near, _, _ := x.begin(t, nil)
	for range 20 {
		x.carry(t, near, x.b)
		x.carry(t, near, x.a)
	}
	send(t, near, 1)
	await.True(t, "the packet at a server", func() bool {
		if near.Away() && near.Err() == nil {
			x.carry(t, near, x.b)
		}
		return len(x.a.got)+len(x.b.got) > 0
	})
	await.True(t, "one session", func() bool { return x.a.sessions.Len()+x.b.sessions.Len() == 1 })
	if near.Err() != nil {
		t.Errorf("ended with %v", near.Err())
	}
}

// Conns that are turned away are told where to go.
func TestTurnAway(t *testing.T) {
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, nil)
	x.a.sessions.TurnAway(func(*peer.Conn) peer.Advice { return peer.Advice{To: "tcp://g2:7000", Reason: "test.no"} })
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	lost := make(chan error, 1)
	x.carry(t, near, x.a).OnLost(func(reason error) { lost <- reason })
	reason := await.Value(t, "loss", lost)
	if a := peer.AdviceOf(reason); a == nil || a.To != "tcp://g2:7000" || !errors.Is(reason, ReasonMoved) {
		t.Errorf("lost with %v", reason)
	}
	x.a.sessions.TurnAway(func(*peer.Conn) peer.Advice { return peer.Advice{To: "nowhere"} })
	x.carry(t, near, x.a).OnLost(func(reason error) { lost <- reason })
	if reason := await.Value(t, "loss", lost); peer.AdviceOf(reason) != nil || !errors.Is(reason, ReasonMoved) {
		t.Errorf("lost with %v", reason)
	}
	x.a.sessions.Resume()
	back(t, near, x.carry(t, near, x.a))
}

// A copy that was left behind does not make a session unknown whose real home does not answer.
func TestCopyWhileTheHomeIsSilent(t *testing.T) {
	x := newTwo(t, Config{})
	near, far, c := x.begin(t, nil)
	far.Release(nil, func(r *Released, err error) {
		if _, _, err := x.b.sessions.Import(r.Data()); err != nil {
			t.Error(err)
		}
		r.Keep()
	})
	await.True(t, "a copy", func() bool { return x.b.sessions.Len() == 1 && !far.isFrozen() })
	await.True(t, "end of the conn", func() bool { return c.State() != peer.Active })
	c = x.carry(t, near, x.a)
	back(t, near, c) // with another secret
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	x.b.sessions.SetFinder(func(_ Claim, answer func(Found)) { answer(Found{Err: errCut}) })
	lost := make(chan error, 1)
	x.carry(t, near, x.b).OnLost(func(reason error) { lost <- reason })
	if reason := await.Value(t, "loss", lost); !errors.Is(reason, ReasonMoved) || near.Err() != nil {
		t.Errorf("lost with %v, ended with %v", reason, near.Err())
	}
}
