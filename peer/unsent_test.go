package peer

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
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
		t.Run(name, func(t *testing.T) {
			const size = 3000
			s := newSide(false, 17, 18)
			s.cfg.QuitGrace = 50 * time.Millisecond
			ln := open(t, NewServer(s.reg, &s.cfg))
			type sender struct {
				way  string
				wr   *wire
				sent int
			}
			senders := make(map[*Conn]*sender)
			for _, w := range ways() {
				wr := dialTo(t, ln)
				wr.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
				c := s.next(t, "made").conn
				sender := &sender{w.name, wr, 0}
				for c.Pending() < 500_000 {
					onLoop(t, c, func() {
						for range 50 {
							if err := w.send(c, s, size); err != nil {
								t.Fatal(err)
							}
							sender.sent++
						}
					})
				}
				senders[c] = sender
			}
			for c, sender := range senders {
				end(c, sender.wr)
			}
			for range senders {
				c := s.next(t, "lost").conn
				if packets, bytes := c.Unsent(); packets == 0 || bytes == 0 {
					t.Errorf("%s: %d packets and %d bytes are unsent, and the other side read nothing", senders[c].way, packets, bytes)
				}
			}
			for c, sender := range senders {
				eventually(t, "disconnected", func() bool { return c.State() == Disconnected })
				packets, bytes := c.Unsent()
				all, err := io.ReadAll(sender.wr)
				if err != nil {
					t.Fatal(err)
				}
				got := 0
				for rest := all; ; got++ {
					f, n, err := codec.Cut(rest, 1<<20, nil)
					if f == nil || err != nil {
						break
					}
					rest = rest[n:]
				}
				if name == "a softquit" { // which may have left, too
					sender.sent++
				}
				if got+packets != sender.sent {
					t.Errorf("%s: %d packets arrived and %d (%d bytes) are unsent, of %d", sender.way, got, packets, bytes, sender.sent)
				}
				if n := c.Pending(); n != bytes {
					t.Errorf("%s: Pending() is %d, want the %d bytes that are unsent", sender.way, n, bytes)
				}
			}
		})
	}
}

// cut is a net.Conn that takes so many bytes, and fails in the middle of a write.
type cut struct {
	net.Conn
	takes int
	begun atomic.Bool // before, it takes everything
}

func (c *cut) Write(b []byte) (n int, err error) {
	if !c.begun.Load() {
		return c.Conn.Write(b)
	}
	if len(b) > c.takes {
		b, err = b[:c.takes], io.ErrClosedPipe
	}
	n, _ = c.Conn.Write(b)
	c.takes -= n
	return n, err
}

// Over a net.Conn that cannot be written to any more, as over TLS whose other side is
// gone, packets are counted like bytes, and what was taken of both is not.
func TestUnsentOfAConnThatBreaks(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	run(t, server.Peer)
	near, far := net.Pipe()
	const sent, arrive, size = 300, 77, 3000
	frame := codec.HeaderSize + len(notePayload(t, size))
	broken := &cut{Conn: far, takes: arrive*frame + frame/2}
	if _, err := server.Inject(broken); err != nil {
		t.Fatal(err)
	}
	w := wireOver(t, near)
	w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
	c := s.next(t, "made").conn
	broken.begun.Store(true)
	onLoop(t, c, func() {
		for range sent {
			if err := Reply(c, s.pong, &note{1, strings.Repeat("x", size)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if _, err := io.CopyN(io.Discard, w, int64(arrive*frame+frame/2)); err != nil {
		t.Fatal(err)
	}
	s.next(t, "lost")
	packets, bytes := c.Unsent()
	if want := (sent-arrive)*frame - frame/2; packets != sent-arrive || bytes != want {
		t.Errorf("%d packets and %d bytes are unsent, want %d and %d", packets, bytes, sent-arrive, want)
	}
}

// notePayload is the payload of a note with size bytes of text.
func notePayload(t *testing.T, size int) []byte {
	t.Helper()
	b, err := new(codec.Msgpack).Append(nil, &note{1, strings.Repeat("x", size)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
