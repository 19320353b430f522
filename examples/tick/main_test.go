package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

func TestPlay(t *testing.T) {
	leak.Check(t)
	var out bytes.Buffer // written by the callbacks, which run on this goroutine
	if err := play(t.Context(), 50, time.Millisecond, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 || !strings.Contains(lines[4], "tick  50") || !strings.Contains(lines[4], "speed  5.0 m/s") {
		t.Errorf("the game went like this:\n%s", out.String())
	}
}

// A ball that arrives is the one that was sent, and one that is none is refused.
func TestBall(t *testing.T) {
	sent := Ball{Tick: -1, At: 0.5, Speed: 3}
	b, err := sent.MarshalMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got Ball
	if rest, err := got.UnmarshalMsg(b); err != nil || len(rest) > 0 || got != sent {
		t.Errorf("%+v, %d bytes left, %v", got, len(rest), err)
	}
	for n := range b {
		if _, err := new(Ball).UnmarshalMsg(b[:n]); err == nil {
			t.Errorf("%d bytes of %d are a ball", n, len(b))
		}
	}
	if _, err := new(Ball).UnmarshalMsg([]byte{0x92, 1, 2}); err == nil {
		t.Error("two fields are a ball")
	}
}
