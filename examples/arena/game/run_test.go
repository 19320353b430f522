package game

import (
	"context"
	"io"
	"os"
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

// asCommand has this test binary be the command, for the process of the bots.
const asCommand = "ARENA_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		if Run(context.Background(), os.Args[1:], os.Stdout, nil) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The command plays over TCP until it is interrupted, with the bots in one process or in two.
func TestRun(t *testing.T) {
	for what, args := range map[string][]string{"one process": {"-together"}, "two processes": nil} {
		t.Run(what, func(t *testing.T) {
			leak.Check(t)
			t.Setenv(asCommand, "1")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			out := &awaited{stop: stop}
			if err := Run(ctx, append(args, "-bots", "6", "-rooms", "2", "-for", "1m"), out, nil); err != nil {
				t.Fatal(err)
			}
			if text := out.text.String(); !strings.HasPrefix(text, "listening on 127.0.0.1:") || !strings.Contains(text, "snapshots/s") || ctx.Err() == nil {
				t.Errorf("printed %q", text)
			}
		})
	}
}

// Bots that the server does not let in end the command, and so do arguments that make no game.
func TestRunFails(t *testing.T) {
	leak.Check(t)
	for _, args := range []string{"-hz 0", "-bots -1", "-rooms -1", "more", "-listen nowhere:x", "-join a", "-node a/b", "-node a -join ../b"} {
		if err := Run(t.Context(), strings.Fields(args), io.Discard, nil); err == nil {
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
	err = Run(t.Context(), []string{"-bots", "1", "-connect", ln.Addr().String()}, io.Discard, nil)
	if err == nil || !strings.Contains(err.Error(), "a bot cannot play") {
		t.Errorf("bots with another key: %v", err)
	}
}
