package peer

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

type connNumber uint16

// Every form of a destination means the same conn, in whatever takes one.
func TestEveryFormOfADestination(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		_, cc := w.handshake(t)
		id := cc.ID()
		for name, to := range map[string]any{
			"default": nil, "conn": cc, "hooks' conn": registry.Conn(cc),
			"int": int(id), "int8": int8(id), "int16": int16(id), "int32": int32(id), "int64": int64(id),
			"uint": uint(id), "uint8": uint8(id), "uint16": uint16(id), "uint32": uint32(id), "uint64": id, "uintptr": uintptr(id),
			"kind of integer": connNumber(id),
		} {
			if err := w.client.Untyped().Send(to, w.c.ping, &note{1, name}); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := wait(t, name, pings); got.Text != name {
				t.Errorf("%s: got %q", name, got.Text)
			}
			if err := SendTo(w.client, to, w.c.ping, &note{2, name}); err != nil {
				t.Errorf("%s, typed: %v", name, err)
				continue
			}
			if got := wait(t, name, pings); got != (note{2, name}) {
				t.Errorf("%s, typed: got %+v", name, got)
			}
		}
	})
}

// The peers of a conn in memory name it, on both sides.
func TestMemoryPeersNameTheirConn(t *testing.T) {
	for _, shared := range []bool{true, false} {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		server := NewMemoryServer(s.reg, &s.cfg)
		if shared {
			c.cfg.Reactor = server.Reactor()
		}
		client := NewMemoryClient(c.reg, &c.cfg)
		other := NewMemoryClient(newSide(true, 50, 51).reg, nil)
		run(t, server.Peer)
		if !shared {
			run(t, client.Peer)
		}
		pings, pongs := inbox(t, server, s.ping, 1), inbox(t, client, c.pong, 1)
		if err := client.Untyped().Disconnect(server); !errors.Is(err, ErrNoConn) {
			t.Errorf("Disconnect before Connect = %v", err)
		}
		if _, err := client.Connect(t.Context(), server); err != nil {
			t.Fatal(err)
		}
		c.next(t, "made")
		s.next(t, "made")
		if err := SendTo(client, server, c.ping, &note{1, "to the server"}); err != nil {
			t.Fatal(err)
		}
		wait(t, "ping", pings)
		if err := server.Untyped().Send(client, s.pong, &note{2, "to the client"}); err != nil {
			t.Fatal(err)
		}
		wait(t, "pong", pongs)
		if err := server.Untyped().Send(other, s.pong, &note{}); !errors.Is(err, ErrNoConn) {
			t.Errorf("Send to a client that is not connected = %v", err)
		}
		if err := other.Untyped().Disconnect(server); !errors.Is(err, ErrNoConn) {
			t.Errorf("Disconnect of a client that is not connected = %v", err)
		}
		if err := client.Untyped().Disconnect(server); err != nil {
			t.Fatal(err)
		}
		for _, side := range []*side{s, c} {
			if e := side.next(t, "lost"); !errors.Is(e.reason, ReasonGeneric) {
				t.Errorf("lost because of %v", e.reason)
			}
		}
	}
}

// Types of a program's that embed a peer.
type (
	game  struct{ *Server }
	lobby struct{ Host }
)

// What embeds a peer is a host, by value and by pointer.
func TestAProgramsTypeThatEmbedsAPeerIsAHost(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewServer(s.reg, &s.cfg)
	run(t, server.Peer)
	c.cfg.Reactor = server.Reactor()
	client := NewMemoryClient(c.reg, &c.cfg)
	g := game{server}
	pings, pongs := inbox(t, g, s.ping, 4), inbox(t, lobby{client}, c.pong, 4)
	if _, err := client.Connect(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]any{"by value": g, "by pointer": &g, "in an interface": lobby{server}, "itself": server.Peer} {
		if err := SendTo(lobby{client}, to, c.ping, &note{1, name}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wait(t, name, pings)
		if h := to.(Host); Broadcast(h, s.pong, &note{2, name}) != nil || SendTo(h, client, s.pong, &note{3, name}) != nil {
			t.Errorf("%s sends nothing", name)
			continue
		}
		wait(t, name, pongs)
		wait(t, name, pongs)
	}
}

// One registry serves both ends of a pair in memory, whatever its policy, and
// still tells two programs over a socket that they have the same.
func TestOneRegistryForBothEnds(t *testing.T) {
	for _, adapt := range []bool{false, true} {
		for name, over := range transports {
			memory := strings.HasPrefix(name, "memory")
			t.Run(name, func(t *testing.T) {
				s := newSide(adapt, 17, 18)
				c := newSide(!adapt, 40, 41)
				c.reg, c.ping, c.pong = s.reg, s.ping, s.pong
				w := over(t, s, c)
				pings, pongs := inbox(t, w.server, w.s.ping, 1), inbox(t, w.client, w.c.pong, 1)
				if !memory {
					if _, err := w.connect(t.Context()); !errors.Is(err, ReasonSameAdaptivePolicy) {
						t.Errorf("Connect = %v", err)
					}
					return
				}
				sc, cc := w.handshake(t)
				if err := Send(cc, w.c.ping, &note{1, ""}); err != nil {
					t.Fatal(err)
				}
				wait(t, "ping", pings)
				if err := Send(sc, w.s.pong, &note{2, ""}); err != nil {
					t.Fatal(err)
				}
				wait(t, "pong", pongs)
				if _, err := s.reg.AddObject("test:late", 50, nil, registry.Late()); err != nil {
					t.Fatal(err)
				}
				if err := cc.Untyped().Send("test:late", 1); err != nil && !errors.Is(err, ErrNotOnWire) {
					t.Errorf("send of a packet that the pair may not have been told = %v", err)
				}
				eventually(t, "both ends know it", func() bool { return cc.Untyped().Knows("test:late") && sc.Untyped().Knows("test:late") })
				if _, err := w.connect(t.Context()); err != nil {
					t.Errorf("a second pair: %v", err)
				}
			})
		}
	}
}

// Broadcast looks at each conn, and at each that is left out, once.
func TestBroadcastLeavesManyOut(t *testing.T) {
	for _, n := range []int{1, 8, 9, 40} {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		server := NewMemoryServer(s.reg, &s.cfg)
		c.cfg.Reactor = server.Reactor()
		client := NewMemoryClient(c.reg, &c.cfg)
		run(t, server.Peer)
		got := make(chan uint64, n)
		Handle(client, c.pong, func(c *Conn, _ *note) error { got <- c.ID(); return nil })
		var except []*Conn
		for range n {
			if _, err := client.Connect(t.Context(), server); err != nil {
				t.Fatal(err)
			}
			except = append(except, s.next(t, "made").conn)
		}
		kept := except[n-1]
		if err := server.Untyped().Broadcast(s.pong, &note{}, append([]*Conn{nil}, except[:n-1]...)...); err != nil {
			t.Fatal(err)
		}
		if id := wait(t, "packet", got); id != kept.otherEnd().ID() {
			t.Errorf("conn %d got it, want %d", id, kept.otherEnd().ID())
		}
		if err := server.Untyped().Broadcast(s.pong, &note{}, except...); err != nil {
			t.Fatal(err)
		}
		if err := SendTo(server, kept, s.pong, &note{}); err != nil {
			t.Fatal(err)
		}
		wait(t, "last packet", got)
		nothing(t, "packet to a conn that was left out", got)
	}
}

// leftOut takes no time for each pair of the two.
func BenchmarkLeftOut(b *testing.B) {
	conns := make([]*Conn, 32_000)
	for i := range conns {
		conns[i] = &Conn{id: uint64(i)}
	}
	for b.Loop() {
		left := leftOut(conns)
		for _, c := range conns {
			if !left(c) {
				b.Fatal("a conn is not left out")
			}
		}
	}
}
