package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// dam is a transport that can be told to keep what is written.
type dam struct {
	engine.Transport
	sink engine.Sink
	shut bool
	kept []*engine.Buffer
	n    int
}

func (d *dam) Open(s engine.Sink) { d.sink = s; d.Transport.Open(s) }
func (d *dam) Buffered() int      { return d.n + d.Transport.Buffered() }

func (d *dam) Write(b *engine.Buffer) error {
	if d.shut {
		d.kept = append(d.kept, b)
		d.n += len(b.B)
		return nil
	}
	return d.Transport.Write(b)
}

func (d *dam) open() {
	for _, b := range d.kept {
		d.Transport.Write(b)
	}
	d.shut, d.kept, d.n = false, nil, 0
}

// lake is a server, on a virtual reactor, whose replies of a hundred bytes a
// dam can hold up, and a client. No more than bound may wait.
type lake struct {
	v            *engine.Virtual
	wall         *dam
	server       *side
	client       *side
	got          []int // replies that came
	below, above *Conn // the client's and the server's
}

const bound = 10_000

func newLake(t *testing.T, overflow registry.Overflow) *lake {
	l := &lake{
		v:      engine.NewVirtual(&engine.Config{MaxPending: bound, SoftPending: bound}),
		server: newSide(false, 17, 18), client: newSide(true, 40, 41),
	}
	s, c := l.server, l.client
	s.cfg.Reactor, c.cfg.Reactor = l.v.Reactor(), l.v.Reactor()
	s.cfg.Overflow = overflow
	s.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport {
		l.wall = &dam{Transport: inner}
		return l.wall
	}
	server, client := NewServer(s.reg, &s.cfg), NewMemoryClient(c.reg, &c.cfg)
	Handle(server, s.ping, func(c *Conn, v *note) error {
		return Reply(c, s.pong, &note{v.N, string(make([]byte, 100))})
	})
	Handle(client, c.pong, func(_ *Conn, v *note) error { l.got = append(l.got, v.N); return nil })
	client.ConnectAsync(server)
	l.v.Settle(1000)
	l.below, l.above = c.next(t, "made").conn, s.next(t, "made").conn
	return l
}

// ask has the server reply.
func (l *lake) ask(t *testing.T, n int) {
	t.Helper()
	if err := Send(l.below, l.client.ping, &note{N: n}); err != nil {
		t.Fatal(err)
	}
	l.v.Settle(1000)
}

// run takes turns as long as that many timers take.
func (l *lake) run(timers int) {
	for range timers {
		d, _ := l.v.Next()
		l.v.Advance(d)
		l.v.Settle(1000)
	}
}

// Replies that nobody takes are bounded like other packets, and it is the
// oldest that are dropped.
func TestDropOldestHoldsForReplies(t *testing.T) {
	l := newLake(t, registry.DropOldest)
	const total = 500
	l.wall.shut = true
	for n := range total {
		l.ask(t, n)
		if p := l.above.Pending(); p > 2*bound {
			t.Fatalf("after %d packets %d bytes wait, the bound is %d", n, p, bound)
		}
	}
	l.wall.open()
	l.run(10)
	got, dropped := l.got, int(l.above.Dropped())
	if len(got)+dropped != total || dropped < total/2 {
		t.Errorf("%d of %d packets came, %d were dropped", len(got), total, dropped)
	}
	if last := got[len(got)-1]; last != total-1 {
		t.Errorf("the last packet that came is %d, want the newest, %d", last, total-1)
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Errorf("packet %d came after %d", got[i], got[i-1])
		}
	}
	l.v.Close()
	if n := l.v.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// The last word is not refused, however much waits: the other side is told why
// the conn ends.
func TestSoftquitIsNotRefused(t *testing.T) {
	l := newLake(t, registry.DropNewest)
	l.wall.shut = true
	for l.above.Dropped() == 0 {
		l.ask(t, 0)
	}
	l.above.Softquit("reason.bye")
	l.v.Settle(1000)
	l.wall.open()
	l.run(100)
	if e := l.client.next(t, "lost"); e.reason != Reason("reason.bye") {
		t.Errorf("lost because of %v", e.reason)
	}
	l.v.Close()
}

// Replies of one callback that are more than fits are refused, and nothing is
// ended.
func TestRefuseHoldsForReplies(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Overflow = registry.Refuse
	s.cfg.Engine = &engine.Config{MaxPending: 256 << 10}
	w := dialWire(t, s)
	w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
	c := s.next(t, "made").conn
	refused := make(chan error, 1)
	c.Loop().Post(func() {
		chunk := make([]byte, 60<<10)
		for range 1000 {
			if err := c.ReplyRaw(s.pong.In(s.reg), chunk); err != nil {
				refused <- err
				return
			}
		}
		refused <- nil
	})
	if err := wait(t, "refusal", refused); !errors.Is(err, ErrBackpressure) {
		t.Errorf("got %v", err)
	}
	for range 4 {
		w.expect(18)
	}
	if c.State() != Active {
		t.Errorf("it is %v", c.State())
	}
}
