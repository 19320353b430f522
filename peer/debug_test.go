//go:build packetmq_debug

package peer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// poisoned is n bytes of what the debug build leaves.
func poisoned(n int) []byte { return bytes.Repeat([]byte{0xdb}, n) }

// What is kept beyond the call that lent it is poison, on every way that bytes
// take to the program; and what the program gets the next time is not.
func TestKeptViewsArePoison(t *testing.T) {
	payload := []byte("\x82\xa1n\x07\xa4text\xa1x")
	frame := append([]byte{0, 17}, payload...)
	for name, hooked := range map[string]bool{"direct": false, "through hooks": true} {
		t.Run(name, func(t *testing.T) {
			var in []byte // of the server's loop
			setUp := func(s, c *side) {
				if !hooked {
					return
				}
				s.cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) {
					if bytes.HasPrefix(raw, frame[:2]) {
						if !bytes.Equal(raw, frame) {
							t.Errorf("EncodedIn gets %q", raw)
						}
						in = raw
					}
					return raw, nil
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				var kept []byte
				arrived := make(chan struct{}, 1)
				w.server.Untyped().HandleRaw("test:ping", func(_ *Conn, b []byte) error {
					if !bytes.Equal(b, payload) {
						t.Errorf("the handler gets %q", b)
					}
					kept = b
					arrived <- struct{}{}
					return nil
				})
				sc, cc := w.handshake(t)
				for range 3 {
					if err := cc.SendRaw(w.c.ping.In(w.c.reg), payload); err != nil {
						t.Fatal(err)
					}
					wait(t, "packet", arrived)
					onLoop(t, sc, func() {
						if !bytes.Equal(kept, poisoned(len(payload))) {
							t.Errorf("the handler keeps %q", kept)
						}
						if hooked && !bytes.Equal(in, poisoned(len(frame))) {
							t.Errorf("EncodedIn keeps %q", in)
						}
					})
				}
			})
		})
	}
}

// A handler that keeps its slice sees poison even if it panics.
func TestPanickingHandlerKeepsPoison(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := transports["memory, one reactor"](t, s, c)
	var kept []byte
	HandleRaw(w.server, s.ping, func(_ *Conn, b []byte) error { kept = b; panic("on purpose") })
	_, cc := w.handshake(t)
	if err := cc.SendRaw(w.c.ping.In(w.c.reg), []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	s.next(t, "lost")
	onLoop(t, cc, func() {
		if !bytes.Equal(kept, poisoned(3)) {
			t.Errorf("the handler keeps %x", kept)
		}
	})
}

func TestNoRawHandlerStaysNone(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := transports["memory, one reactor"](t, s, c)
	if err := panicked(func() { HandleRaw(w.server, s.ping, nil) }); !errors.Is(err, ErrNoHandler) {
		t.Errorf("nil handler: %v", err)
	}
	pings := inbox(t, w.client, w.c.pong, 1)
	sc, cc := w.handshake(t)
	Send(cc, w.c.ping, &note{1, "to nobody"})
	Send(sc, w.s.pong, &note{2, "still there"})
	wait(t, "pong", pings)
}

func TestReplyElsewhere(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		typ := w.c.ping.In(w.c.reg)
		for name, reply := range map[string]func() error{
			"Conn.Reply":    func() error { return cc.Untyped().Reply(typ, note{}) },
			"Conn.ReplyRaw": func() error { return cc.ReplyRaw(typ, []byte{0xc0}) },
			"Reply":         func() error { return Reply(cc, w.c.ping, &note{}) },
		} {
			got := func() (got string) {
				defer func() { got, _ = recover().(string) }()
				reply()
				return
			}()
			for _, want := range []string{name + " was not called on the loop", "the caller:\ngoroutine ", "peer.TestReplyElsewhere", "the loop:\ngoroutine "} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not in the complaint:\n%s", name, want, got)
				}
			}
			onLoop(t, cc, func() {
				if err := reply(); err != nil {
					t.Errorf("%s on the loop: %v", name, err)
				}
			})
		}
	})
}
