package session

// Conns without room for what a session has to say on them.

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A conn that has no room for the packet that asks the server sends it when it has some.
func TestBeginMeetsBackpressure(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	peer.Handle(p.server, plain, func(*peer.Conn, *note) error { return nil })
	far := peertest.NewSide(true, news, plain)
	far.Cfg.Overflow, far.Cfg.Engine = registry.Refuse, &engine.Config{MaxPending: 64 << 10}
	cli := peer.NewMemoryClient(far.Reg, &far.Cfg)
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	s := New(cli, nil) // before the conn, which announces that its side knows sessions
	c, err := cli.Connect(t.Context(), p.server)
	if err != nil {
		t.Fatal(err)
	}
	var atServer *peer.Conn
	await.True(t, "the conn at the server", func() bool {
		for atServer = range p.server.Conns() {
			atServer.PauseRead()
		}
		return atServer != nil
	})
	for err == nil {
		err = peer.Send(c, plain, &note{})
	}
	if !errors.Is(err, peer.ErrBackpressure) {
		t.Fatalf("the conn cannot be filled: %v", err)
	}
	if err := s.Carry(c); err != nil {
		t.Fatal(err)
	}
	send(t, s, 1)
	asked := make(chan struct{})
	c.Loop().Post(func() { c.Loop().Post(func() { close(asked) }) }) // after what Carry has posted
	await.Value(t, "the conn was asked to carry the session", asked)
	select {
	case <-s.Begun():
		t.Fatalf("the session has begun, or ended with %v, on a conn without room", s.Err())
	default:
	}
	atServer.ResumeRead()
	await.Value(t, "begin of the session", s.Begun())
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	wantSequence(t, p.got, 1, 1)
}

// A packet that was sent while the session was away, and that is over the frame limit of the next
// conn, ends the session: the program is told why, and what that leaves.
func TestPacketTooLongForTheNextConn(t *testing.T) {
	leak.Check(t)
	const frame = 1 << 16
	p := newPair(t, Config{})
	far := peertest.NewSide(true, news, plain)
	far.Cfg.Reactor, far.Cfg.MaxFrame = p.server.Reactor(), frame
	cli := peer.NewMemoryClient(far.Reg, &far.Cfg)
	t.Cleanup(func() { cli.Close() })
	ended := make(chan ends, 1)
	s := New(cli, &Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	typ, err := far.Reg.Lookup("test:news")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendRaw(typ, make([]byte, frame)); err != nil {
		t.Fatal(err)
	}
	send(t, s, 2)
	if err := cli.ConnectAsync(p.server, Over(s)); err != nil {
		t.Fatal(err)
	}
	e := await.Value(t, "end", ended)
	var size *peer.SizeError
	if !errors.As(e.reason, &size) || size.Max != frame {
		t.Errorf("the session ended with %v", e.reason)
	}
	if len(e.unacked) != 2 || len(e.unacked[0].Payload) != frame {
		t.Errorf("%d packets were told", len(e.unacked))
	}
	await.True(t, "end of the session at the server", func() bool { return p.sessions.Len() == 0 })
	if len(p.got) != 0 {
		t.Error("a packet has overtaken the one that was too long")
	}
}
