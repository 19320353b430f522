package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

func TestStopAndRun(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		_, cc := w.handshake(t)
		w.server.Stop()
		for n := range 3 {
			if err := Send(cc, w.c.ping, &note{n, ""}); err != nil {
				t.Fatal(err)
			}
		}
		nothing(t, "packet while stopped", pings)
		w.runAgain(t)
		for n := range 3 {
			if got := wait(t, "packet", pings); got.N != n {
				t.Errorf("got %d, want %d", got.N, n)
			}
		}
		nothing(t, "event", w.s.events)
		nothing(t, "event", w.c.events)
	})
}

func TestShutdown(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pongs := inbox(t, w.client, w.c.pong, 100)
		sc, _ := w.handshake(t)
		for n := range 100 {
			Send(sc, w.s.pong, &note{n, ""})
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			t.Fatalf("Shutdown: %v", err)
		}
		for n := range 100 {
			if got := wait(t, "pong", pongs); got.N != n {
				t.Fatalf("got %d, want %d", got.N, n)
			}
		}
		if e := w.c.next(t, "lost"); e.reason != ReasonShutdown {
			t.Errorf("the client lost it because of %v", e.reason)
		}
	})
}

func TestCloseOfAClientWithASharedReactor(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		w.handshake(t)
		w.client.Close()
		if e := w.c.next(t, "lost"); e.reason == nil {
			t.Error("lost without a reason")
		}
		w.s.next(t, "lost")
		if _, err := w.connect(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Connect of a closed client: %v", err)
		}
	})
}

// A Shutdown that is refused has done nothing.
func TestShutdownOfASharedReactorOnItsLoop(t *testing.T) {
	r := engine.New(nil)
	t.Cleanup(func() { r.Close() })
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	s.cfg.Reactor, c.cfg.Reactor = r, r
	server, client := NewServer(s.reg, &s.cfg), NewMemoryClient(c.reg, &c.cfg)
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	old, err := client.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 2)
	r.Post(func() {
		got <- server.Shutdown(context.Background())
		got <- client.ShutdownWith(context.Background(), "reason.later")
	})
	for range 2 {
		if err := wait(t, "Shutdown", got); err != engine.ErrOnLoop {
			t.Errorf("Shutdown returned %v", err)
		}
	}
	if _, err := client.Connect(t.Context(), server); err != nil || old.State() != Active {
		t.Errorf("afterwards Connect returns %v, and the old conn is %v", err, old.State())
	}
	client.Close()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestShutdownWithAReason(t *testing.T) {
	for reason, want := range map[Reason]Reason{"reason.update": "reason.update", "": ReasonShutdown} {
		everywhere(t, nil, func(t *testing.T, w *world) {
			w.handshake(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := w.server.ShutdownWith(ctx, reason); err != nil {
				t.Fatal(err)
			}
			if e := w.c.next(t, "lost"); e.reason != want {
				t.Errorf("the client lost it because of %v, want %v", e.reason, want)
			}
			if e := w.s.next(t, "lost"); e.reason != want {
				t.Errorf("the server lost it because of %v, want %v", e.reason, want)
			}
		})
	}
}

// A server that is closed on its loop while sockets come in does not wait for
// itself.
func TestCloseOnTheLoopWhileSocketsComeIn(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if nc, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				defer nc.Close()
				<-server.Reactor().Done()
			}
		})
	}
	server.Reactor().Post(func() {
		server.Close()
	})
	wait(t, "end", server.Reactor().Done())
	wg.Wait()
}
