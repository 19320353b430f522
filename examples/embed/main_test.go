package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// always is a frame that is due whenever one is asked for: the main loop looks
// at the world as often as it can, while that ticks.
func always(t *testing.T) <-chan time.Time {
	frames, stop, stopped := make(chan time.Time), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case frames <- time.Time{}:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return frames
}

func TestLanding(t *testing.T) {
	leak.Check(t)
	var out bytes.Buffer
	if err := run(t.Context(), time.Millisecond, always(t), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := State{Tick: -1}
	for i, line := range lines {
		var what string
		var s State
		if _, err := fmt.Sscanf(line, "%s tick %d height %f m speed %f m/s fuel %f kg",
			&what, &s.Tick, &s.Height, &s.Speed, &s.Fuel); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if s.Tick < last.Tick || s.Fuel < 0 || (what == "down") != (i == len(lines)-1) {
			t.Fatalf("%q after tick %d", line, last.Tick)
		}
		last = s
	}
	// Without its pilot it would come down at 19.7 m/s.
	if last.Height != 0 || math.Abs(last.Speed) > 1.5 {
		t.Errorf("came down like this: %s", lines[len(lines)-1])
	}
	if len(lines) < 2 {
		t.Error("the main loop never looked")
	}
}

func TestInterrupted(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	frames := make(chan time.Time)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, time.Hour, frames, io.Discard) }()
	frames <- time.Time{} // it is up
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestBurn(t *testing.T) {
	for _, test := range []struct{ thrust, want float64 }{
		{2, 2}, {-1, 0}, {1000, maxThrust}, {math.Inf(1), maxThrust}, {math.Inf(-1), 0}, {math.NaN(), 1},
	} {
		w := world{thrust: 1}
		if err := w.onBurn((*peer.Conn)(nil), &Burn{test.thrust}); err != nil || w.thrust != test.want {
			t.Errorf("burn %v: thrust %v, %v, want %v", test.thrust, w.thrust, err, test.want)
		}
	}
}
