package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// drainHall is a server with memory clients on a virtual reactor.
type drainHall struct {
	t      *testing.T
	v      *engine.Virtual
	reg    *registry.Registry
	server *MemoryServer
	began  time.Duration
	lost   []time.Duration // when conns were lost at the server, since the drain began
	told   []error         // what their clients were told
}

func newDrainHall(t *testing.T, conns int) *drainHall {
	h := &drainHall{t: t, v: engine.NewVirtual(&engine.Config{MaxConns: 1 << 20}), reg: registry.New()}
	t.Cleanup(h.v.Close)
	h.reg.AddObject("test:ping", 17, nil)
	cfg := Config{Reactor: h.v.Reactor()}
	cfg.OnLost = func(*Conn, error) { h.lost = append(h.lost, h.now()-h.began) }
	h.server = NewMemoryServer(h.reg, &cfg)
	for range conns {
		h.enter()
	}
	if n := h.server.NumConns(); n != conns {
		t.Fatalf("%d conns, want %d", n, conns)
	}
	return h
}

func (h *drainHall) now() time.Duration { return h.v.Reactor().Loops()[0].Time() }

func (h *drainHall) enter() *Conn {
	cfg := Config{Reactor: h.v.Reactor()}
	cfg.Adapt = AdaptAlways
	cfg.OnLost = func(_ *Conn, reason error) { h.told = append(h.told, reason) }
	client := NewMemoryClient(h.reg, &cfg)
	if err := client.ConnectAsync(h.server); err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return client.Default()
}

func (h *drainHall) settle() {
	if !h.v.Settle(1 << 20) {
		h.t.Fatal("the loops do not come to rest")
	}
}

// begin begins a drain.
func (h *drainHall) begin(d Drain) *endSpread {
	spread, _, err := h.server.startDrain(d)
	if err != nil {
		h.t.Fatal(err)
	}
	h.began = h.now()
	spread.start()
	h.settle()
	return spread
}

// until moves the clock to a time after the beginning, from timer to timer.
func (h *drainHall) until(end time.Duration) {
	for h.now() < h.began+end {
		step := h.began + end - h.now()
		if next, ok := h.v.Next(); ok {
			step = min(step, next)
		}
		h.v.Advance(max(step, time.Millisecond))
		h.settle()
	}
}

func isOver(s *endSpread) bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

func TestEndsAreEvenlySpread(t *testing.T) {
	h := newDrainHall(t, 60)
	spread := h.begin(Drain{Over: time.Minute, To: elsewhere})
	h.until(59500 * time.Millisecond)
	if len(h.lost) != 60 || !isOver(spread) {
		t.Fatalf("%d of 60 are lost, over: %v", len(h.lost), isOver(spread))
	}
	for i, at := range h.lost {
		if want := time.Duration(i) * time.Second; at < want || at > want+10*time.Millisecond {
			t.Errorf("conn %d ended after %v, want %v", i, at, want)
		}
	}
	for _, reason := range h.told {
		if a := AdviceOf(reason); a == nil || a.To != elsewhere || !errors.Is(reason, ReasonShutdown) {
			t.Errorf("a client was told %v", reason)
		}
	}
}

// Conns that end by themselves leave no gap: the others are spread over the time that is left.
func TestConnsThatEndThemselvesAreNotWaitedFor(t *testing.T) {
	h := newDrainHall(t, 40)
	spread := h.begin(Drain{Over: 40 * time.Second})
	h.until(19500 * time.Millisecond)
	if len(h.lost) != 20 {
		t.Fatalf("%d of 40 are lost after half of the time", len(h.lost))
	}
	for c := range h.server.Conns() {
		if h.server.NumConns() > 10 {
			c.Abort(nil)
			h.settle()
		}
	}
	h.lost = nil
	h.until(39 * time.Second)
	if len(h.lost) != 10 || !isOver(spread) {
		t.Fatalf("%d of 10 are lost, over: %v", len(h.lost), isOver(spread))
	}
	for i, at := range h.lost {
		if want := 20*time.Second + time.Duration(i)*2*time.Second; at < want-10*time.Millisecond || at > want+20*time.Millisecond {
			t.Errorf("conn %d ended after %v, want %v", i, at, want)
		}
	}
}

// When all have ended by themselves, the rest of the time is not waited for.
func TestADrainIsOverWhenNobodyIsLeft(t *testing.T) {
	h := newDrainHall(t, 10)
	spread := h.begin(Drain{Over: 10 * time.Second})
	for c := range h.server.Conns() {
		c.Abort(nil)
	}
	h.until(1100 * time.Millisecond)
	if !isOver(spread) {
		t.Error("not over")
	}
}

// Of many conns as many end at a time as have to, and no more.
func TestManyConnsEndInSmallBatches(t *testing.T) {
	const conns = 3000
	h := newDrainHall(t, conns)
	spread := h.begin(Drain{Over: 3 * time.Second})
	h.until(3 * time.Second)
	if len(h.lost) != conns || !isOver(spread) {
		t.Fatalf("%d of %d are lost", len(h.lost), conns)
	}
	slices.Sort(h.lost)
	for at := time.Duration(0); at < 3*time.Second; at += 100 * time.Millisecond {
		from, _ := slices.BinarySearch(h.lost, at)
		to, _ := slices.BinarySearch(h.lost, at+100*time.Millisecond)
		if n := to - from; n < 70 || n > 130 {
			t.Errorf("%d conns end within 100 ms from %v on, want 100", n, at)
		}
	}
}

func TestEnds(t *testing.T) {
	for _, test := range []struct {
		left      int
		remaining time.Duration
		n         int
		distance  time.Duration
	}{
		{1, time.Minute, 1, time.Minute},
		{60, time.Minute, 1, time.Second},
		{1000, 10 * time.Second, 1, 10 * time.Millisecond},
		{2000, 10 * time.Second, 2, 10 * time.Millisecond},
		{1 << 20, time.Minute, 175, 10 * time.Millisecond},
		{100, time.Millisecond, 100, time.Millisecond},
		{5, 1, 5, 1},
	} {
		if n, d := ends(test.left, test.remaining); n != test.n || d != test.distance {
			t.Errorf("%d in %v: %d, the next after %v", test.left, test.remaining, n, d)
		}
	}
}

// A server that drains takes no memory client, and says why; afterwards it is closed for good.
func TestADrainingServerTakesNobody(t *testing.T) {
	h := newDrainHall(t, 2)
	h.begin(Drain{Over: time.Minute})
	client := NewMemoryClient(h.reg, &Config{Reactor: h.v.Reactor()})
	if err := client.ConnectAsync(h.server); err != ErrDraining {
		t.Errorf("a memory client: %v", err)
	}
	if _, _, err := h.server.startDrain(Drain{}); err != ErrDraining {
		t.Errorf("a second Drain: %v", err)
	}
	if Permanent(ErrDraining) {
		t.Error("clients of a draining server give up")
	}
}

func TestDrain(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pongs := inbox(t, w.client, w.c.pong, 100)
		sc, _ := w.handshake(t)
		for n := range 100 {
			Send(sc, w.s.pong, &note{n, ""})
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := w.server.Drain(ctx, Drain{Over: time.Millisecond, Reason: "reason.update", To: elsewhere}); err != nil {
			t.Fatalf("Drain: %v", err)
		}
		for n := range 100 {
			if got := wait(t, "pong", pongs); got.N != n {
				t.Fatalf("got %d, want %d", got.N, n)
			}
		}
		e := w.c.next(t, "lost")
		if a := AdviceOf(e.reason); a == nil || a.To != elsewhere || a.Reason != "reason.update" {
			t.Errorf("the client lost it because of %v", e.reason)
		}
		if e := w.s.next(t, "lost"); e.reason != Reason("reason.update") {
			t.Errorf("the server lost it because of %v", e.reason)
		}
		if _, err := w.server.Listen("127.0.0.1:0"); !errors.Is(err, ErrClosed) {
			t.Errorf("Listen afterwards: %v", err)
		}
		if err := w.server.Drain(ctx, Drain{}); err != ErrClosed {
			t.Errorf("another Drain: %v", err)
		}
	})
}

// With ctx everything ends that is left, told what the others are.
func TestADrainEndsWithItsContext(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		w.handshake(t)
		w.handshake(t)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- w.server.Drain(ctx, Drain{Over: time.Hour, After: time.Second}) }()
		w.c.next(t, "lost") // the first one, at once
		cancel()
		if err := wait(t, "Drain", over); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Drain returned %v", err)
		}
		w.c.next(t, "lost")
	})
}

func TestADrainThatCannotBe(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	if err := server.Drain(t.Context(), Drain{}); err != ErrNotRunning {
		t.Errorf("before Run: %v", err)
	}
	ln := open(t, server)
	var wrong *AddressError
	if err := server.Drain(t.Context(), Drain{To: "g2:7000"}); !errors.As(err, &wrong) {
		t.Errorf("a bad address: %v", err)
	}
	var none context.Context
	if err := server.Drain(none, Drain{}); !errors.Is(err, ErrNil) {
		t.Errorf("without a context: %v", err)
	}
	onTheLoop := make(chan error, 1)
	server.Reactor().Post(func() { onTheLoop <- server.Drain(context.Background(), Drain{}) })
	if err := wait(t, "Drain", onTheLoop); err != engine.ErrOnLoop {
		t.Errorf("on a loop: %v", err)
	}
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatalf("the server does not listen any more: %v", err)
	}
	nc.Close()
	if err := new(Server).drainNil(t); err != ErrNoPeer {
		t.Errorf("no peer: %v", err)
	}
}

func (s *Server) drainNil(t *testing.T) error {
	s.Peer = new(Peer)
	return s.Drain(t.Context(), Drain{})
}

// Advise shares the clients out. What it makes of the advice that cannot be sent is not sent,
// and a panic in it ends its conn and no other.
func TestDrainAdvisesEachConn(t *testing.T) {
	h := newDrainHall(t, 4)
	h.begin(Drain{To: elsewhere, Over: time.Second, Advise: func(c *Conn, a *Advice) {
		switch c.ID() {
		case 1:
			a.To, a.Reason = "tls://g3:7000", ""
		case 2:
			a.To = "nonsense"
		case 3:
			panic("advise")
		case 4:
			*a = Advice{Reason: a.Reason, Comeback: ComebackNever}
		}
	}})
	h.until(time.Second)
	var got []string
	for _, reason := range h.told {
		got = append(got, fmt.Sprint(reason))
	}
	want := []string{"reason.shutdown (come back to tls://g3:7000)", "reason.shutdown (come back to tcp://g2:7000)", "reason.handler",
		"reason.shutdown (do not come back)"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
}

// Drain of a server whose reactor is shared leaves the other peers alone.
func TestDrainWithASharedReactor(t *testing.T) {
	r := engine.New(nil)
	t.Cleanup(func() { r.Close() })
	s, other, c := newSide(false, 17, 18), newSide(false, 17, 18), newSide(true, 40, 41)
	s.cfg.Reactor, other.cfg.Reactor, c.cfg.Reactor = r, r, r
	server, stays, client := NewServer(s.reg, &s.cfg), NewServer(other.reg, &other.cfg), NewMemoryClient(c.reg, &c.cfg)
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	for _, host := range []MemoryHost{server, stays} {
		if _, err := client.Connect(t.Context(), host); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Drain(t.Context(), Drain{Over: time.Millisecond}); err != nil {
		t.Error(err)
	}
	if client.NumConns() != 1 || stays.NumConns() != 1 {
		t.Errorf("the client has %d conns, the other server %d", client.NumConns(), stays.NumConns())
	}
}

// Close ends a drain.
func TestCloseDuringADrain(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := overMemory(false)(t, s, c)
	w.handshake(t)
	w.handshake(t)
	over := make(chan error, 1)
	go func() { over <- w.server.Drain(context.Background(), Drain{Over: time.Hour}) }()
	c.next(t, "lost")
	w.server.Close()
	wait(t, "Drain", over)
	c.next(t, "lost")
}
