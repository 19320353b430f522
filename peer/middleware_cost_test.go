package peer

// What middleware costs, and that none costs nothing.

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Middleware allocates nothing of its own, asked for the value or not.
func TestMiddlewareAllocatesNothing(t *testing.T) {
	pass := func(next Next) Next { return func(in *Incoming) error { return next(in) } }
	look := func(next Next) Next {
		return func(in *Incoming) error {
			if v, err := in.Value(); err != nil || *v.(*point) != (point{1, 2}) {
				return errors.Join(err, errors.New("another value"))
			}
			return next(in)
		}
	}
	for name, m := range map[string][]Middleware{"none": nil, "one": {pass}, "three, with a look at the value": {pass, look, pass}} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			atServer := registry.MustAdd[point](s.reg, "test:point", 30, registry.Reuse())
			atClient := registry.MustAdd[point](c.reg, "test:point", 30, registry.Reuse())
			sent := &point{1, 2}
			atMost(t, rallies(t, s, c, func(server *Server, client *MemoryClient, next func(*Conn) error) {
				server.Use(m...)
				Handle(server, atServer, func(c *Conn, v *point) error { return Reply(c, atServer, v) })
				Handle(client, atClient, func(c *Conn, _ *point) error { return next(c) })
			}, func(conn *Conn) { Reply(conn, atClient, sent) }), 0)
		})
	}
}

// Without middleware nothing is composed; with it, packets still take the fast path.
func TestNoMiddlewareIsNothing(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	defer server.Close()
	Handle(server, s.ping, func(*Conn, *note) error { return nil })
	server.Use()
	if h := server.handler(s.ping.In(s.reg)); h != h.plain || !h.fast {
		t.Errorf("the handler is composed, or not fast: %v", h.fast)
	}
	server.Use(func(next Next) Next { return next })
	if h := server.handler(s.ping.In(s.reg)); h == h.plain || !h.fast {
		t.Errorf("the handler is not composed, or not fast: %v", h.fast)
	}
}

// BenchmarkMiddleware is what a packet costs that a handler looks at and does not answer, with
// none, one and three middleware around the handler.
func BenchmarkMiddleware(b *testing.B) {
	pass := func(next Next) Next { return func(in *Incoming) error { return next(in) } }
	for _, n := range []int{0, 1, 3} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			reg := registry.New()
			pkt := registry.MustAdd[point](reg, "b:point", 17, registry.Reuse())
			srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}})
			sum := 0
			Handle(srv, pkt, func(_ *Conn, v *point) error { sum += int(v.X); return nil })
			srv.Use(slices.Repeat([]Middleware{pass}, n)...)
			b.Cleanup(func() { srv.Close() })
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			const packets = 64
			f := &feed{left: (b.N + packets - 1) / packets, opened: make(chan struct{}), done: make(chan struct{})}
			for range packets {
				f.burst = codec.AppendFrame(f.burst, 17, []byte{0x92, 1, 2})
			}
			c, err := srv.newConn()
			if err != nil {
				b.Fatal(err)
			}
			if err := srv.Reactor().Attach(f, &c.link, c.engineHandler(), nil); err != nil {
				b.Fatal(err)
			}
			<-f.opened
			b.ReportAllocs()
			b.ResetTimer()
			f.sink.Wake(nil)
			<-f.done
		})
	}
}
