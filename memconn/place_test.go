package memconn_test

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/memconn"
)

const patience = await.Patience

// place is where the two ends of a pair may live.
type place struct {
	name     string
	reactors int
	loops    int // of each
}

var places = []place{
	{"one loop", 1, 1},
	{"two loops", 1, 2},
	{"two reactors", 2, 1},
}

// everywhere runs test with the two ends in each place.
func everywhere(t *testing.T, cfg engine.Config, test func(t *testing.T, at *ends)) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) { test(t, p.start(t, cfg)) })
	}
}

// start runs the place's reactors until tb ends, and then looks for leaks.
func (p place) start(tb testing.TB, cfg engine.Config) *ends {
	tb.Helper()
	leak.Check(tb)
	at := p.run(tb, cfg)
	tb.Cleanup(func() { at.close(tb) })
	return at
}

func (p place) run(tb testing.TB, cfg engine.Config) *ends {
	tb.Helper()
	cfg.Loops = p.loops
	at := &ends{ra: engine.New(&cfg)}
	at.rb = at.ra
	if p.reactors == 2 {
		at.rb = engine.New(&cfg)
	}
	at.la = at.ra.Loops()[0]
	at.lb = at.rb.Loops()[p.loops-1]
	if err := at.ra.RunAsync(); err != nil {
		tb.Fatal(err)
	}
	if p.reactors == 2 {
		if err := at.rb.RunAsync(); err != nil {
			at.ra.Close()
			tb.Fatal(err)
		}
	}
	return at
}

// ends is where the two ends of a test's pairs live: end a on la of ra, end b
// on lb of rb.
type ends struct {
	ra, rb *engine.Reactor
	la, lb *engine.Loop
	sides  []*side
}

// close closes the reactors and checks what holds whatever happened: every conn
// that was opened was closed, once, and every buffer is back in its pool.
func (at *ends) close(tb testing.TB) {
	tb.Helper()
	at.ra.Close()
	at.rb.Close()
	for i, s := range at.sides {
		if s.opens != s.closes || s.opens > 1 {
			tb.Errorf("side %d: Opened was called %d times, Closed %d times", i, s.opens, s.closes)
		}
	}
	if n := at.ra.Buffers().Out(); n != 0 {
		tb.Errorf("%d buffers of side a not back in their pool", n)
	}
	if n := at.rb.Buffers().Out(); n != 0 {
		tb.Errorf("%d buffers of side b not back in their pool", n)
	}
}

// connect attaches a pair, handled by a and b.
func (at *ends) connect(tb testing.TB, a, b *side) {
	tb.Helper()
	ta, tb2 := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
	at.attach(tb, at.ra, at.la, ta, a)
	at.attach(tb, at.rb, at.lb, tb2, b)
}

func (at *ends) attach(tb testing.TB, r *engine.Reactor, l *engine.Loop, tr *memconn.End, s *side) {
	tb.Helper()
	s.end = make(chan error, 10)
	at.sides = append(at.sides, s)
	var h engine.Handler = s
	if s.wrap != nil {
		h = wrapper{s}
	}
	if err := r.Attach(tr, &s.Conn, h, l); err != nil {
		tb.Fatal(err)
	}
}

// side is a conn and the protocol above it; functions that are nil do nothing.
type side struct {
	engine.Conn
	opened   func(c *engine.Conn)
	received func(c *engine.Conn, b []byte) int
	closed   func(c *engine.Conn, err error)
	wrap     func(c *engine.Conn, inner engine.Transport) engine.Transport

	end           chan error
	opens, closes int // the loop's, and the test's once the reactor is closed
}

func (s *side) Opened(c *engine.Conn) {
	s.opens++
	if s.opened != nil {
		s.opened(c)
	}
}

func (s *side) Received(c *engine.Conn, b []byte) int {
	if s.received != nil {
		return s.received(c, b)
	}
	return len(b)
}

func (s *side) Expired(*engine.Conn)        {}
func (s *side) Pressure(*engine.Conn, bool) {}
func (s *side) Drain(c *engine.Conn)        { c.Finish(0) }

func (s *side) Closed(c *engine.Conn, err error) {
	s.closes++
	s.end <- err
	if s.closed != nil {
		s.closed(c, err)
	}
}

// ends waits for Closed and checks why it came.
func (s *side) ends(t *testing.T, name string, want error) {
	t.Helper()
	if err := wait(t, "end of "+name, s.end); !errors.Is(err, want) {
		t.Errorf("%s: Closed(%v), want %v", name, err, want)
	}
}

// wrapper is a side with an engine.Wrapper.
type wrapper struct{ *side }

func (w wrapper) Wrap(c *engine.Conn, inner engine.Transport) engine.Transport {
	return w.wrap(c, inner)
}

// wait returns what arrives on ch, or fails the test.
func wait[T any](tb testing.TB, what string, ch <-chan T) T {
	tb.Helper()
	return await.Value(tb, what, ch)
}

// settle returns when l has done what was asked of it before: a posted function
// runs in front of the flushes of its own turn, so it takes two.
func settle(tb testing.TB, l *engine.Loop) {
	tb.Helper()
	for range 2 {
		ran := make(chan struct{})
		if err := l.Post(func() { close(ran) }); err != nil {
			tb.Fatal(err)
		}
		wait(tb, "turn", ran)
	}
}

// write appends b to c's output; on c's loop only.
func write(c *engine.Conn, b []byte) {
	if out := c.Out(); out != nil {
		out.B = append(out.B, b...)
	}
}

func echo(c *engine.Conn, b []byte) int {
	write(c, b)
	return len(b)
}

// pattern is a stream of bytes in which no two stretches are alike for long.
type pattern int // bytes so far

func (p *pattern) append(b []byte, n int) []byte {
	for range n {
		b = append(b, p.at())
		*p++
	}
	return b
}

// check takes b as what follows; it reports whether it does.
func (p *pattern) check(b []byte) bool {
	for _, v := range b {
		if v != p.at() {
			return false
		}
		*p++
	}
	return true
}

func (p *pattern) at() byte {
	i := uint32(*p)
	return byte(i ^ i>>8*7 ^ i>>16*31)
}
