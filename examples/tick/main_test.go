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
