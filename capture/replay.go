package capture

// Replay: Play as a test.

import (
	"log/slog"
	"os"
	"strings"

	"github.com/packetmq/packetmq/engine"
)

// TB is what Replay needs of a *testing.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Replay plays the capture in the file to the program that newServer makes, and fails the test
// for each Difference, and if the capture cannot be played to its end. What the reactor logs from
// the level of warnings on, such as a handler's panic, is in the test's log.
func Replay(t TB, file string, newServer func(*engine.Reactor) Program) Result {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	logger := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	result, err := Play(f, newServer, logger)
	for _, d := range result.Differences {
		t.Errorf("%s: %v", file, d)
	}
	if result.Unnamed > 0 && len(result.Differences) > 0 {
		t.Logf("%d posted functions came from outside and had no name, so they were not played: use capture.Posts", result.Unnamed)
	}
	if err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return result
}

// testLog is the log of a test, as a writer of lines.
type testLog struct{ t TB }

// Write implements io.Writer.
func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}
