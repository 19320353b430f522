package middleware

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

func TestLogWritesALineAPacket(t *testing.T) {
	var out bytes.Buffer // the virtual reactor logs on this goroutine
	l := slog.New(slog.NewTextHandler(&out, nil))
	w := newWorld(t, func(_ *peer.Conn, text string) error {
		if text == "bad" {
			return errors.Join(peer.ErrDrop, errors.New("no good"))
		}
		return nil
	}, Log(l, slog.LevelInfo))
	w.send("fine", "bad")
	lines := strings.SplitAfter(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("logged %q", lines)
	}
	for i, want := range []string{
		`level=INFO msg=packet packet=test:ping bytes=5 conn=\d+ remote=\S+ took=\S+\n$`,
		`packet=test:ping bytes=4 .* err="peer: packet dropped by a hook\\nno good"$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %q is not like %s", lines[i], want)
		}
	}
}

func TestLogOfADisabledLevelLogsNothing(t *testing.T) {
	var out bytes.Buffer
	w := newWorld(t, nil, Log(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelDebug))
	w.send("fine")
	if len(w.handled) != 1 || out.Len() != 0 {
		t.Errorf("handled %q, logged %q", w.handled, out.String())
	}
}
