package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// awaited is a Writer that ends a run when all bots play, and positions have arrived.
type awaited struct {
	text strings.Builder
	stop context.CancelFunc
}

func (w *awaited) Write(b []byte) (int, error) {
	w.text.Write(b)
	if strings.HasPrefix(string(b), "6 players in 2 rooms") && !strings.Contains(string(b), "p99 0.0 ms") {
		w.stop()
	}
	return len(b), nil
}

// The command plays over TCP, until it is interrupted.
func TestRun(t *testing.T) {
	leak.Check(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &awaited{stop: stop}
	if err := run(ctx, []string{"-bots", "6", "-rooms", "2", "-together", "-for", "1m"}, out); err != nil {
		t.Fatal(err)
	}
	if text := out.text.String(); !strings.HasPrefix(text, "listening on 127.0.0.1:") || !strings.Contains(text, "snapshots/s") || ctx.Err() == nil {
		t.Errorf("printed %q", text)
	}
}

// Bots that the server does not let in end the command, and so do arguments that make no game.
func TestRunFails(t *testing.T) {
	leak.Check(t)
	for _, args := range []string{"-hz 0", "-bots -1", "-rooms -1", "more", "-listen nowhere:x"} {
		if err := run(t.Context(), strings.Fields(args), io.Discard); err == nil {
			t.Errorf("arena %s: no error", args)
		}
	}
	a := newArena(arenaConfig{key: newKey(), hz: 20, seats: 2}, new(peer.Config))
	defer a.Close()
	ln, err := a.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RunAsync(); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), []string{"-bots", "1", "-connect", ln.Addr().String()}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "a bot cannot play") {
		t.Errorf("bots with another key: %v", err)
	}
}
