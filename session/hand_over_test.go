package session

// Sessions whose conns are of another loop than those before: the hand-over between the loops, on
// loops that the test steps by itself.

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
)

// stepped is a session of a server with two loops, whose client makes one conn after the other.
type stepped struct {
	server, client   *engine.Virtual
	sessions         *Sessions
	to               *peer.MemoryServer
	cli              *peer.MemoryClient
	near, far        *Session
	nearEnds, farEnd []error
}

func newStepped(t *testing.T) *stepped {
	t.Helper()
	x := &stepped{server: engine.NewVirtual(&engine.Config{Loops: 2}), client: engine.NewVirtual(nil)}
	t.Cleanup(func() { x.client.Close(); x.server.Close() })
	s, c := peertest.NewSide(false, news, plain), peertest.NewSide(true, news, plain)
	s.Cfg.Reactor, c.Cfg.Reactor = x.server.Reactor(), x.client.Reactor()
	x.to, x.cli = peer.NewMemoryServer(s.Reg, &s.Cfg), peer.NewMemoryClient(c.Reg, &c.Cfg)
	x.sessions = Serve(x.to, &Config{
		OnNew: func(s *Session) { x.far = s },
		OnEnd: func(_ *Session, reason error, _ []Packet) { x.farEnd = append(x.farEnd, reason) },
	})
	x.near = New(x.cli, &Config{OnEnd: func(_ *Session, reason error, _ []Packet) { x.nearEnds = append(x.nearEnds, reason) }})
	x.connect(t)
	x.settle()
	if x.far == nil {
		t.Fatal("the session has not begun")
	}
	return x
}

func (x *stepped) connect(t *testing.T) {
	t.Helper()
	if err := x.cli.ConnectAsync(x.to, Over(x.near)); err != nil {
		t.Fatal(err)
	}
}

// step has all loops take a turn, one after the other.
func (x *stepped) step() {
	x.client.Step(0)
	x.server.Step(0)
	x.server.Step(1)
}

func (x *stepped) settle() {
	for range 20 {
		x.client.Settle(1000)
		x.server.Settle(1000)
	}
}

// A session may end at any moment while a conn of another loop takes it over: each side is told
// the end once, and no session is left.
func TestEndDuringHandOver(t *testing.T) {
	halfWay := 0
	for steps := range 40 {
		x := newStepped(t)
		first := x.far.Loop()
		x.connect(t)
		for range steps {
			x.step()
		}
		ended := false
		if x.far.Loop() != first && x.far.Away() { // the new owner does not know it yet
			halfWay++
			x.far.finish(peer.Reason("test.over"), true) // as by an End that comes just before it does
			ended = true
		}
		if !ended {
			x.far.End("test.over")
		}
		x.settle()
		if len(x.farEnd) != 1 || x.farEnd[0] != peer.Reason("test.over") {
			t.Errorf("after %d steps the server is told the ends %v", steps, x.farEnd)
		}
		if len(x.nearEnds) != 1 {
			t.Errorf("after %d steps the client is told the ends %v", steps, x.nearEnds)
		}
		if n := x.sessions.Len(); n != 0 {
			t.Errorf("after %d steps there are %d sessions", steps, n)
		}
		if x.cli.NumConns() != 0 {
			t.Errorf("after %d steps the client has conns of a session that has ended", steps)
		}
	}
	if halfWay == 0 {
		t.Error("no session was half-way")
	}
}
