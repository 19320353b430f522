package session_test

import (
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

var _ room.SessionMember = (*session.Session)(nil)

var chat = registry.Define[string]("test:chat", 30)

// A session is a member of a room over all its conns, and leaves it when it ends.
func TestSessionInRoom(t *testing.T) {
	leak.Check(t)
	reg, far := registry.New(), registry.NewAdapting()
	reg.MustAdd(chat)
	far.MustAdd(chat)
	srv := peer.NewServer(reg, nil)
	joined, left := make(chan room.Member, 10), make(chan error, 10)
	rooms := room.New(srv, &room.Config{
		Joined: func(_ room.Room, m room.Member) { joined <- m },
		Left:   func(_ room.Room, _ room.Member, reason error) { left <- reason },
	})
	lobby := rooms.Room("lobby")
	away := make(chan error, 10)
	session.Serve(srv, &session.Config{
		OnNew:  func(s *session.Session) { lobby.Join(s) },
		OnAway: func(_ *session.Session, reason error) { away <- reason },
	})
	cli := peer.NewMemoryClient(far, &peer.Config{Reactor: srv.Reactor(), Reconnect: &peer.Backoff{Min: time.Millisecond}})
	got := make(chan string, 100)
	peer.Handle(cli, chat, func(_ *peer.Conn, text *string) error { got <- *text; return nil })
	srv.RunAsync()
	t.Cleanup(func() { cli.Close(); srv.Close() })
	s, err := session.DialMemory(t.Context(), cli, srv, nil)
	if err != nil {
		t.Fatal(err)
	}
	member := await.Value(t, "member", joined).(*session.Session)
	say := func(text string) {
		if err := room.Send(lobby, chat, &text); err != nil {
			t.Error(err)
		}
	}
	say("one")
	var once sync.Once
	stop := member.OnAway(func(error) { once.Do(func() { say("while it is away") }) })
	back := make(chan time.Duration, 10)
	member.OnBack(func(gap time.Duration) { back <- gap })
	member.Conn().Abort(nil)
	await.Value(t, "loss", away)
	await.Value(t, "return", back)
	if !stop() || stop() {
		t.Error("OnAway's stop tells something else")
	}
	say("two")
	for _, want := range []string{"one", "while it is away", "two"} {
		if text := await.Value(t, "text", got); text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	if st := rooms.Stats(); st.Members != 1 || len(left) != 0 {
		t.Errorf("after a loss of the conn there are %+v", st)
	}
	s.End("test.over")
	if reason := await.Value(t, "leave", left); reason != peer.Reason("test.over") {
		t.Errorf("it has left with %v", reason)
	}
}
