package restart

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// The bytes that PROTOCOL.md shows.
func TestMessageBytes(t *testing.T) {
	for want, b := range map[string][]byte{
		"\x00\x00\x00\x13\x01\xb0packetmq-restart\x01": appendMessage(nil, kindHello, appendHello(nil)),
		"\x00\x00\x00\x07\x02\x01\xa4game":             appendMessage(nil, kindSockets, appendNames(nil, []string{"game"})),
		"\x00\x00\x00\x0c\x04\xa8sessions\xcc\xc8":     appendMessage(nil, kindState, appendState(nil, "sessions", 200)),
		"\x00\x00\x00\x01\x07":                         appendMessage(nil, kindReady, nil),
	} {
		if string(b) != want {
			t.Errorf("got %q, want %q", b, want)
		}
	}
}

func TestTheLongestNamesFitIntoAMessage(t *testing.T) {
	names := slices.Repeat([]string{strings.Repeat("x", MaxName)}, MaxListeners)
	b := appendMessage(nil, kindSockets, appendNames(nil, names))
	if _, n, err := parseHeader(b); err != nil || n != len(b)-headerSize {
		t.Errorf("%d of %d bytes, %v", n, len(b), err)
	}
}

func TestMessagesThatCannotBe(t *testing.T) {
	long := strings.Repeat("x", MaxName+1)
	for name, parse := range map[string]func() error{
		"no names":           func() error { _, err := parseNames(nil); return err },
		"too many":           func() error { _, err := parseNames(codec.AppendUint(nil, MaxListeners+1)); return err },
		"too few":            func() error { _, err := parseNames(codec.AppendUint(nil, 1)); return err },
		"more after them":    func() error { _, err := parseNames([]byte{0, 0}); return err },
		"a long name":        func() error { _, err := parseNames(appendNames(nil, []string{long})); return err },
		"a long state":       func() error { _, _, err := parseState(appendState(nil, long, 1)); return err },
		"a state of no size": func() error { _, _, err := parseState(codec.AppendString(nil, "x")); return err },
		"no hello":           func() error { _, err := parseHello([]byte{1}); return err },
		"no count":           func() error { _, err := parseCount(kindEnd, nil); return err },
		"an empty header":    func() error { _, _, err := parseHeader(make([]byte, headerSize)); return err },
		"a long message":     func() error { _, _, err := parseHeader([]byte{1, 0, 0, 0, 1}); return err },
	} {
		var wrong *MessageError
		if err := parse(); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for k := range kindFailed + 3 {
		if k.String() == "" {
			t.Errorf("message %d has no name", k)
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(appendHello(nil))
	f.Add(appendNames(nil, []string{"game", "admin"}))
	f.Add(appendState(nil, "sessions", 1<<20))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerSize {
			if _, n, err := parseHeader(b); err == nil && (n < 0 || n > maxFrame) {
				t.Errorf("a message of %d bytes", n)
			}
		}
		if names, err := parseNames(b); err == nil {
			again, err := parseNames(appendNames(nil, names))
			if err != nil || !slices.Equal(again, names) {
				t.Errorf("%q became %q, %v", names, again, err)
			}
		}
		if name, size, err := parseState(b); err == nil && size < 1<<31 {
			again, n, err := parseState(appendState(nil, name, int(size)))
			if err != nil || again != name || n != size {
				t.Errorf("%q, %d became %q, %d, %v", name, size, again, n, err)
			}
		}
		parseHello(b)
	})
}
