package peer

import (
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

// Replies that nobody takes are bounded like other packets, and it is the
// oldest that are dropped.
func TestDropOldestHoldsForReplies(t *testing.T) {
	const bound = 10_000
	v := engine.NewVirtual(&engine.Config{MaxPending: bound, SoftPending: bound})
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	s.cfg.Reactor, c.cfg.Reactor = v.Reactor(), v.Reactor()
	s.cfg.Overflow = registry.DropOldest
	var wall *dam
	s.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport {
		wall = &dam{Transport: inner}
		return wall
	}
	server, client := NewServer(s.reg, &s.cfg), NewMemoryClient(c.reg, &c.cfg)
	Handle(server, s.ping, func(c *Conn, v *note) error {
		return Reply(c, s.pong, &note{v.N, string(make([]byte, 100))})
	})
	var got []int
	Handle(client, c.pong, func(_ *Conn, v *note) error { got = append(got, v.N); return nil })
	client.ConnectAsync(server)
	v.Settle(1000)
	cc, sc := c.next(t, "made").conn, s.next(t, "made").conn

	const total = 500
	wall.shut = true
	for n := range total {
		if err := Send(cc, c.ping, &note{N: n}); err != nil {
			t.Fatal(err)
		}
		v.Settle(1000)
		if p := sc.Pending(); p > 2*bound {
			t.Fatalf("after %d packets %d bytes wait, the bound is %d", n, p, bound)
		}
	}
	wall.open()
	for range 10 {
		d, _ := v.Next()
		v.Advance(d)
		v.Settle(1000)
	}
	dropped := int(sc.Dropped())
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
	v.Close()
	if n := v.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// The last word is not refused, however much waits: the other side is told why
// the conn ends.
func TestSoftquitIsNotRefused(t *testing.T) {
	const bound = 10_000
	v := engine.NewVirtual(&engine.Config{MaxPending: bound, SoftPending: bound})
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	s.cfg.Reactor, c.cfg.Reactor = v.Reactor(), v.Reactor()
	s.cfg.Overflow = registry.DropNewest
	var wall *dam
	s.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport {
		wall = &dam{Transport: inner}
		return wall
	}
	server, client := NewServer(s.reg, &s.cfg), NewMemoryClient(c.reg, &c.cfg)
	Handle(server, s.ping, func(c *Conn, v *note) error { return Reply(c, s.pong, &note{v.N, string(make([]byte, 100))}) })
	client.ConnectAsync(server)
	v.Settle(1000)
	cc, sc := c.next(t, "made").conn, s.next(t, "made").conn
	wall.shut = true
	for sc.Dropped() == 0 {
		if err := Send(cc, c.ping, &note{}); err != nil {
			t.Fatal(err)
		}
		v.Settle(1000)
	}
	sc.Softquit("reason.bye")
	v.Settle(1000)
	wall.open()
	for range 100 {
		d, _ := v.Next()
		v.Advance(d)
		v.Settle(1000)
	}
	if e := c.next(t, "lost"); e.reason != Reason("reason.bye") {
		t.Errorf("lost because of %v", e.reason)
	}
	v.Close()
}
