package middleware

import (
	"bytes"
	"errors"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// profile is the profile of all goroutines as text, which has their labels.
func profile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// While a handler runs a profile has the packet's name, and it has none afterwards, however the
// handler has ended.
func TestLabelsNameThePacket(t *testing.T) {
	const label = `"packet":"test:ping"`
	for name, end := range map[string]func() error{
		"returns": func() error { return nil },
		"fails":   func() error { return errors.New("no") },
		"panics":  func() error { panic("oh") },
	} {
		t.Run(name, func(t *testing.T) {
			during := ""
			w := newWorld(t, func(*peer.Conn, string) error {
				during = profile(t)
				return end()
			}, Labels())
			w.send("one")
			if !strings.Contains(during, label) {
				t.Errorf("the profile has no %s:\n%s", label, during)
			}
			if after := profile(t); strings.Contains(after, label) {
				t.Errorf("the label stays:\n%s", after)
			}
		})
	}
}
