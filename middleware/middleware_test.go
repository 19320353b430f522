package middleware

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// A function that is nil is a panic where it is given, not at the first packet.
func TestNilFunctionsPanic(t *testing.T) {
	for name, call := range map[string]func(){
		"middleware: Timing: engine: nil function":    func() { Timing(nil) },
		"middleware: Authorise: engine: nil function": func() { Authorise(nil) },
		"middleware: Recover: engine: nil function":   func() { Recover(nil) },
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, peer.ErrNil) || err.Error() != name {
					t.Errorf("panics with %v, want %s", err, name)
				}
			}()
			call()
		}()
	}
	if Log(nil, slog.LevelInfo) == nil {
		t.Error("Log of no logger is nothing")
	}
}
