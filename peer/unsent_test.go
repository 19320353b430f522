package peer

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// What was accepted and did not leave is told when the conn is lost: with what the other
// side finds in the kernel, it is all that was sent.
func TestUnsentTellsWhatTheEndSwallowed(t *testing.T) {
	cause := errors.New("enough")
	for name, end := range map[string]func(c *Conn, w *wire){
		"an Abort":   func(c *Conn, _ *wire) { c.Abort(cause) },
		"a softquit": func(c *Conn, _ *wire) { c.Softquit("reason.bye") },
	} {
		for _, w := range ways() {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				const size = 3000
				s := newSide(false, 17, 18)
				s.cfg.QuitGrace = time.Second
				wr := dialWire(t, s)
				wr.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
				c := s.next(t, "made").conn
				sent := 0
				for c.Pending() < 500_000 {
					onLoop(t, c, func() {
						for range 50 {
							if err := w.send(c, s, size); err != nil {
								t.Fatal(err)
							}
							sent++
						}
					})
				}
				var packets, bytes int
				end(c, wr)
				lost := s.next(t, "lost").conn
				packets, bytes = lost.Unsent()
				if packets == 0 || bytes == 0 {
					t.Errorf("%d packets and %d bytes are unsent, and the other side read nothing", packets, bytes)
				}
				eventually(t, "disconnected", func() bool { return c.State() == Disconnected })
				packets, bytes = c.Unsent()
				all, err := io.ReadAll(wr)
				if err != nil {
					t.Fatal(err)
				}
				got := 0
				for rest := all; ; got++ {
					f, n, err := codec.Cut(rest, 1<<20, nil)
					if f == nil || err != nil {
						break
					}
					if f.ID() != 18 {
						got-- // the softquit
					}
					rest = rest[n:]
				}
				if name == "a softquit" { // which is unsent too
					packets--
				}
				if got+packets != sent {
					t.Errorf("%d packets arrived and %d (%d bytes) are unsent, of %d", got, packets, bytes, sent)
				}
				if n := c.Pending(); n != bytes {
					t.Errorf("Pending() is %d, want the %d bytes that are unsent", n, bytes)
				}
			})
		}
	}
}
