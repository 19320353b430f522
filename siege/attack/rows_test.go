package attack

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build returns the path of bench, which it builds.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-C", "../../bench", "-o", path, "./cmd/bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The rows that take no more than a second or two, against the real server.
// Those about latency are left out: other tests run beside them.
func TestRows(t *testing.T) {
	program := build(t)
	for _, name := range []string{"inputs", "files", "wrong", "log", "reuse", "ends", "idle", "claims", "upgrades", "handover", "rest"} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := Run(t.Context(), Config{Server: program, Only: []string{name}, Quick: true, Out: &out}); err != nil {
				t.Errorf("%v\n%s", err, &out)
			}
			if !strings.Contains(out.String(), "held    ") || !strings.Contains(out.String(), "1 of 1 held") {
				t.Errorf("got\n%s", &out)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, program) })
	t.Run("soak", func(t *testing.T) { testSoak(t, program) })
}

// An interruption ends it, and breaks nothing.
func testInterrupted(t *testing.T, program string) {
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Server: program, Only: []string{"slow", "rest"}, Out: &out})
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "interrupted") {
		t.Errorf("got\n%s", &out)
	}
}

func testSoak(t *testing.T, program string) {
	var out strings.Builder
	if err := Soak(t.Context(), SoakConfig{Server: program, Duration: 700 * time.Millisecond, Clients: 8, Out: &out}); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "descriptors") {
		t.Errorf("got\n%s", &out)
	}
}

func TestProgramMissing(t *testing.T) {
	var out strings.Builder
	err := Run(t.Context(), Config{Server: "/nowhere/at/all", Only: []string{"wrong"}, Quick: true, Out: &out})
	if !errors.Is(err, ErrBroken) || !strings.Contains(out.String(), "/nowhere/at/all") {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestUnknownRow(t *testing.T) {
	cfg := Config{Only: []string{"nonsense"}}
	if err := cfg.Check(); err == nil {
		t.Error("a row that there is not was taken")
	}
}

// Every row is in a wave that comes.
func TestWaves(t *testing.T) {
	for _, r := range rows(nil) {
		if r.wave < 0 || r.wave >= waves {
			t.Errorf("row %s is in wave %d of %d", r.name, r.wave, waves)
		}
	}
}
