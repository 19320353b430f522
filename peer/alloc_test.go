package peer

import (
	"runtime"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// point is a packet that encodes itself, as generated code does: two bytes.
type point struct{ X, Y byte }

func (p *point) MarshalMsg(b []byte) ([]byte, error) {
	return append(b, 0x92, p.X&0x7f, p.Y&0x7f), nil
}

func (p *point) UnmarshalMsg(b []byte) ([]byte, error) {
	p.X, p.Y = b[1], b[2]
	return b[3:], nil
}

func (p *point) Reset() { *p = point{} }

// rallies has a server answer a packet of its client rounds times, everything
// on one loop, and returns how many objects that allocated for each round.
func rallies(t *testing.T, s, c *side, handle func(s *Server, c *MemoryClient, next func(*Conn) error), serve func(*Conn)) float64 {
	t.Helper()
	server := NewServer(s.reg, &s.cfg)
	c.cfg.Reactor = server.Reactor()
	client := NewMemoryClient(c.reg, &c.cfg)
	run(t, server.Peer)
	const warmUp, rounds = 2000, 20000
	var before, after runtime.MemStats
	done := make(chan struct{})
	round := 0
	handle(server, client, func(conn *Conn) error {
		switch round++; round {
		case warmUp:
			runtime.ReadMemStats(&before)
		case warmUp + rounds:
			runtime.ReadMemStats(&after)
			close(done)
			return nil
		}
		serve(conn)
		return nil
	})
	conn, err := client.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	conn.Loop().Post(func() { serve(conn) })
	wait(t, "last round", done)
	return float64(after.Mallocs-before.Mallocs) / rounds
}

// atMost allows for what the runtime and the test framework allocate meanwhile.
func atMost(t *testing.T, got, want float64) {
	t.Helper()
	t.Logf("%.3f objects a round", got)
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	if got > want+0.05 {
		t.Errorf("%.3f objects allocated a round, want %v", got, want)
	}
}

func TestRawPacketsAllocateNothing(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	payload := []byte{0x92, 1, 2}
	atMost(t, rallies(t, s, c, func(server *Server, client *MemoryClient, next func(*Conn) error) {
		HandleRaw(server, s.ping, func(c *Conn, b []byte) error { return c.ReplyRaw(s.pong.In(s.reg), b) })
		HandleRaw(client, c.pong, func(c *Conn, b []byte) error { return next(c) })
	}, func(conn *Conn) { conn.ReplyRaw(c.ping.In(c.reg), payload) }), 0)
}

func TestSelfEncodingPacketsAllocateNothing(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	atServer := registry.MustAdd[point](s.reg, "test:point", 30, registry.Reuse())
	atClient := registry.MustAdd[point](c.reg, "test:point", 30, registry.Reuse())
	v := &point{1, 2}
	atMost(t, rallies(t, s, c, func(server *Server, client *MemoryClient, next func(*Conn) error) {
		Handle(server, atServer, func(c *Conn, v *point) error { return Reply(c, atServer, v) })
		Handle(client, atClient, func(c *Conn, got *point) error {
			if *got != *v {
				t.Errorf("got %+v", *got)
			}
			return next(c)
		})
	}, func(conn *Conn) { Reply(conn, atClient, v) }), 0)
}

// From another goroutine: encoded on the sender's, queued, handled raw.
func TestSendFromElsewhereAllocatesNothing(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewServer(s.reg, &s.cfg)
	c.cfg.Reactor = server.Reactor()
	client := NewMemoryClient(c.reg, &c.cfg)
	run(t, server.Peer)
	arrived := make(chan struct{}, 1)
	server.Untyped().HandleRaw("test:ping", func(*Conn, []byte) error { arrived <- struct{}{}; return nil })
	conn, err := client.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	payload, typ := make([]byte, 64), c.ping.In(c.reg)
	got := testing.AllocsPerRun(2000, func() {
		if err := conn.SendRaw(typ, payload); err != nil {
			t.Fatal(err)
		}
		<-arrived
	})
	atMost(t, got, 0)
}
