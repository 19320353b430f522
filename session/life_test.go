package session

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// A panic in a function of the program's ends nothing, and keeps nobody else from being told.
func TestPanicsInCallbacks(t *testing.T) {
	leak.Check(t)
	ended := make(chan error, 10)
	p := newPair(t, Config{OnNew: func(s *Session) {
		s.OnAway(func(error) { panic("on purpose") })
		s.OnBack(func(time.Duration) { panic("on purpose") })
		s.OnLost(func(error) { panic("on purpose") })
		s.OnLost(func(reason error) { ended <- reason })
		panic("on purpose")
	}})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	for far := range p.sessions.All() { // OnNew has not come to where it tells
		far.Conn().Abort(nil)
	}
	send(t, s, 1)
	wantSequence(t, p.got, 1, 1)
	s.End("test.over")
	if reason := await.Value(t, "end", ended); reason != peer.Reason("test.over") {
		t.Errorf("ended with %v", reason)
	}
}

// OnLost of a session that has ended already is told too, and one that was taken back is not.
func TestOnLostLate(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := s.OnLost(func(error) { t.Error("told, though it was taken back") })
	if !stop() || stop() {
		t.Error("stop tells something else")
	}
	s.End("test.over")
	await.True(t, "the end", func() bool { return s.Err() != nil })
	late := make(chan error, 1)
	if s.OnLost(func(reason error) { late <- reason })() {
		t.Error("stop says that it was in time")
	}
	if reason := await.Value(t, "end", late); reason != peer.Reason("test.over") {
		t.Errorf("told %v", reason)
	}
	if err := s.End(""); err != ErrEnded {
		t.Errorf("a second end: %v", err)
	}
}

// A handler's error ends the conn, and the packet is not handled again on the next one.
func TestHandlerThatFails(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	got := make(chan int, 100)
	peer.Handle(p.server, news, func(_ *peer.Conn, v *note) error {
		got <- v.N
		if v.N%3 == 1 {
			return errors.New("on purpose")
		}
		return nil
	})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		send(t, s, n)
	}
	wantSequence(t, got, 0, 9)
}

// The end of a peer ends its sessions, those that are away too.
func TestCloseEndsSessions(t *testing.T) {
	leak.Check(t)
	ended := make(chan ends, 10)
	p := newPair(t, Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	cli := p.client(t)
	if _, err := DialMemory(t.Context(), cli, p.server, nil); err != nil {
		t.Fatal(err)
	}
	s, err := DialMemory(t.Context(), cli, p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Conn().Abort(nil)
	await.Value(t, "session", p.fresh)
	await.Value(t, "session", p.fresh)
	await.True(t, "one is away", func() bool { return len(p.heard.all()) == 3 })
	p.server.Close()
	for range 2 {
		if e := await.Value(t, "end", ended); !errors.Is(e.reason, peer.ErrClosed) {
			t.Errorf("ended with %v", e.reason)
		}
	}
	cli.Close()
	closed := make(chan error, 1)
	New(cli, &Config{OnEnd: func(_ *Session, reason error, _ []Packet) { closed <- reason }})
	if reason := await.Value(t, "end", closed); !errors.Is(reason, peer.ErrClosed) {
		t.Errorf("a session of a closed client ended with %v", reason)
	}
}
