package main

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// If the new process fails, the old one has its sessions again, with what it kept of their
// clients: nothing of the traffic is lost or doubled.
func TestSessionsAreTakenBack(t *testing.T) {
	leak.Check(t)
	reg, far := registry.New(), registry.NewAdapting()
	reg.MustAdd(count)
	far.MustAdd(count)
	srv := peer.NewMemoryServer(reg, nil)
	t.Cleanup(func() { srv.Close() })
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	sessions := session.Serve(srv, &session.Config{OnNew: func(s *session.Session) { s.SetData(new(client)) }})
	peer.Handle(srv, count, answer)
	cli := peer.NewMemoryClient(far, &peer.Config{Reactor: srv.Reactor(), Reconnect: &peer.Backoff{Min: 1, Max: 1}})
	t.Cleanup(func() { cli.Close() })
	answers := make(chan Count, 10)
	peer.Handle(cli, count, func(_ *peer.Conn, v *Count) error { answers <- *v; return nil })
	s, err := session.DialMemory(t.Context(), cli, srv, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(n int) {
		t.Helper()
		if err := session.Send(s, count, &Count{N: n}); err != nil {
			t.Fatal(err)
		}
	}
	wantAnswer := func(n int) {
		t.Helper()
		if v := await.Value(t, "answer", answers); v.N != n || v.Wrong {
			t.Errorf("the answer to %d is %+v", n, v)
		}
	}
	ask(0)
	wantAnswer(0)
	state := stateOf(sessions)
	for n := 1; n <= 2; n++ { // twice: what was given for the first time is forgotten by then
		data, err := state.Export()
		if err != nil || len(data) == 0 || sessions.Len() != 0 {
			t.Fatalf("%d bytes, %d sessions are left, %v", len(data), sessions.Len(), err)
		}
		ask(n)
		state.Resume()
		if sessions.Len() != 1 {
			t.Fatalf("%d sessions were taken back", sessions.Len())
		}
		wantAnswer(n)
	}
	if err := state.Import([]byte("no states")); err == nil {
		t.Error("what is no state was imported")
	}
	if err := adopt(s, nil); err == nil {
		t.Error("a session was adopted without its client")
	}
}
