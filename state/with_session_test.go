package state_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
	"github.com/packetmq/packetmq/state"
)

var _ state.Session = (*session.Session)(nil)

// A session of package session is in a room, loses its conn, and is sent the newest when it is
// back.
func TestASessionThatComesBackGetsTheNewest(t *testing.T) {
	leak.Check(t)
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, client := registry.New(), registry.NewAdapting()
	server.MustAdd(pos.Packets()...)
	client.MustAdd(pos.Packets()...)
	srv := peer.NewServer(server, &peer.Config{Logger: silent})
	cfg := &peer.Config{Logger: silent, Reconnect: &peer.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}}
	cli := peer.NewClient(client, cfg)
	defer srv.Close()
	defer cli.Close()
	lobby := room.New(srv, nil).Room("lobby")
	st := state.New(lobby, pos, state.Hz(200))
	m := state.NewMirror(cli, pos, nil)
	session.Serve(srv, &session.Config{OnNew: func(s *session.Session) {
		if err := lobby.Join(s); err != nil {
			t.Error(err)
		}
	}})
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*peer.Peer{srv.Peer, cli.Peer} {
		if err := p.RunAsync(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := session.Dial(t.Context(), cli, "tcp://"+ln.Addr().String(), nil); err != nil {
		t.Fatal(err)
	}
	st.Set(&Pos{ID: 1, X: 1})
	st.Set(&Pos{ID: 2, X: 2})
	await.True(t, "the first values", func() bool { return m.Len() == 2 })
	for n := range 3 {
		for c := range srv.Conns() {
			c.Abort(errors.New("cut"))
		}
		await.True(t, "the end of the conn", func() bool { return !m.Synced() })
		st.Set(&Pos{ID: 1, X: 10 + n})
		st.Delete(2)
		await.True(t, "the newest", func() bool {
			p, _ := m.Get(1)
			return m.Synced() && p.X == 10+n && m.Len() == 1
		})
	}
	if n := st.Stats().Readers; n != 1 {
		t.Errorf("%d readers", n)
	}
}
