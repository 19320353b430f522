package peer

import (
	"context"
	"errors"
	"testing"
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
		if err := w.server.RunAsync(); err != nil {
			t.Fatal(err)
		}
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
