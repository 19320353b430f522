package peer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// A packet's own Limits hold whichever way its payload is decoded; what they
// leave open is the peer's.
func TestLimitsOfAPacket(t *testing.T) {
	ofPeer := codec.Limits{Depth: 3, Elements: 50, Budget: 5000}
	ints := func(n int) []byte { return append(codec.AppendArrayHeader(nil, n), make([]byte, n)...) }
	deep := func(n int) []byte { return append([]byte(strings.Repeat("\x91", n)), 0xc0) }
	tests := []struct {
		own     codec.Limits
		payload []byte
		err     error // nil: taken
	}{
		{codec.Limits{}, deep(3), nil},
		{codec.Limits{}, deep(4), codec.ErrDepth},
		{codec.Limits{}, ints(50), nil},
		{codec.Limits{}, ints(51), codec.ErrElements},
		{codec.Limits{Depth: 2}, deep(2), nil},
		{codec.Limits{Depth: 2}, deep(3), codec.ErrDepth},
		{codec.Limits{Depth: 20}, deep(20), nil}, // the peer's is no bound on it
		{codec.Limits{Depth: 2}, ints(51), codec.ErrElements},
		{codec.Limits{Elements: 10}, ints(10), nil},
		{codec.Limits{Elements: 10}, ints(11), codec.ErrElements},
		{codec.Limits{Elements: 10}, deep(4), codec.ErrDepth},
		{codec.Limits{Elements: 1000}, ints(500), codec.ErrBudget},
		{codec.Limits{Elements: 1000, Budget: 1 << 20}, ints(500), nil},
		{codec.Limits{Budget: 100}, ints(50), codec.ErrBudget},
	}
	type set func(s *side, server func() *Server, own registry.Option, got func() error)
	ways := map[string]set{
		"typed": func(s *side, server func() *Server, own registry.Option, got func() error) {
			p := registry.MustAdd[any](s.reg, "test:limited", 30, own)
			Handle(server(), p, func(*Conn, *any) error { return got() })
		},
		"typed, seen by a hook": func(s *side, server func() *Server, own registry.Option, got func() error) {
			p := registry.MustAdd[any](s.reg, "test:limited", 30, own)
			s.cfg.PacketIn = func(_ *Conn, _ *registry.Type, v any) (any, error) { return v, nil }
			Handle(server(), p, func(*Conn, *any) error { return got() })
		},
		"any": func(s *side, server func() *Server, own registry.Option, got func() error) {
			s.reg.AddObject("test:limited", 30, nil, own)
			server().Untyped().Handle("test:limited", func(*Conn, any) error { return got() })
		},
		"without a handler": func(s *side, server func() *Server, own registry.Option, got func() error) {
			s.reg.AddObject("test:limited", 30, nil, own)
			s.cfg.OnPacket = func(*Conn, *registry.Type, any) error { return got() }
			server()
		},
	}
	for way, set := range ways {
		for i, test := range tests {
			t.Run(fmt.Sprintf("%s %d", way, i), func(t *testing.T) {
				s, c := newSide(false, 17, 18), newSide(true, 40, 41)
				s.cfg.Payload = ofPeer
				var server *Server
				taken := make(chan struct{}, 1)
				set(s, func() *Server {
					server = NewServer(s.reg, &s.cfg)
					return server
				}, registry.Limits(test.own), func() error { taken <- struct{}{}; return nil })
				typ, err := c.reg.AddObject("test:limited", 31, nil)
				if err != nil {
					t.Fatal(err)
				}
				c.cfg.Reactor = server.Reactor()
				client := NewMemoryClient(c.reg, &c.cfg)
				run(t, server.Peer)
				conn, err := client.Connect(t.Context(), server)
				if err != nil {
					t.Fatal(err)
				}
				s.next(t, "made")
				if err := conn.SendRaw(typ, test.payload); err != nil {
					t.Fatal(err)
				}
				if test.err == nil {
					wait(t, "packet", taken)
					return
				}
				e := s.next(t, "lost")
				if !errors.Is(e.reason, test.err) || !errors.Is(e.reason, ReasonPayload) {
					t.Errorf("lost because of %v, want %v", e.reason, test.err)
				}
				nothing(t, "packet", taken)
			})
		}
	}
}

func TestLimitsOfAPacketType(t *testing.T) {
	setUp := func(s, c *side) {
		s.reg.AddObject("test:small", 30, nil, registry.Limits(codec.Limits{Elements: 3}))
		c.reg.AddObject("test:small", 50, nil)
		s.reg.AddObject("test:large", 31, nil)
		c.reg.AddObject("test:large", 51, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 2)
		for _, name := range []string{"test:small", "test:large"} {
			w.server.Untyped().Handle(name, func(c *Conn, v any) error { got <- v; return nil })
		}
		_, cc := w.handshake(t)
		cc.Untyped().Send("test:large", []any{1, 2, 3, 4})
		cc.Untyped().Send("test:small", []any{1, 2})
		wait(t, "packet", got)
		wait(t, "packet", got)
		cc.Untyped().Send("test:small", []any{1, 2, 3, 4})
		if e := w.s.next(t, "lost"); !errors.Is(e.reason, codec.ErrElements) {
			t.Errorf("lost because of %v", e.reason)
		}
	})
}

func TestOwnMaxFrameBoundsSends(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.MaxFrame = 2000
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	var se *SizeError
	if err := c.SendRaw(s.pong.In(s.reg), make([]byte, 1999)); !errors.As(err, &se) || se.Max != 2000 {
		t.Errorf("a frame of 2001 bytes: %v", err)
	}
}
