package memconn_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

// Output that waits when the other side goes is lost, and told so, by an end of
// this side's own asking too.
func TestFinishToAPeerThatIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		buffers, size int
		want          error
	}{
		"nothing waits":    {memconn.Slots, 1, nil},
		"beyond the slots": {memconn.Slots + 10, 1, io.EOF},
		"beyond the bytes": {4, memconn.Window, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
				ta, tb := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
				a := &side{}
				at.attach(t, at.ra, at.la, ta, a)
				for range test.buffers {
					a.Queue(make([]byte, test.size))
					settle(t, at.la)
				}
				waits := a.Pending()
				if waits > 0 != (test.want != nil) {
					t.Fatalf("%d bytes wait", waits)
				}
				a.Finish(patience)
				settle(t, at.la)
				tb.Close()
				if err := wait(t, "end", a.end); err != test.want {
					t.Errorf("Closed(%v), want %v", err, test.want)
				}
				if n := a.Pending(); n != waits {
					t.Errorf("%d bytes are told as lost, %d waited", n, waits)
				}
			})
		})
	}
}

// Though it has emptied its channel, a peer that is gone takes nothing more: what
// waits still counts.
func TestPeerThatIsGoneTakesNothing(t *testing.T) { nearAndFar(t, peerThatIsGoneTakesNothing) }

func peerThatIsGoneTakesNothing(t *testing.T, a, b *port, ahead int) {
	const beyond = 10
	for range ahead + memconn.Slots + beyond {
		a.write(t, []byte("x"))
	}
	b.close()
	for a.end.Pump() {
	}
	if n := a.end.Buffered(); n != beyond || !a.over {
		t.Errorf("Buffered() = %d, want %d; the end was told: %v", n, beyond, a.over)
	}
	allBack(t, a, b)
}

// What is written to a peer that is gone is dropped, and is no reason to end
// before the input that is left.
func TestWriteToAPeerThatIsGone(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		const sent = 1000
		got := 0
		a := &side{}
		b := &side{received: func(c *engine.Conn, b []byte) int {
			got++
			write(c, b[:1])
			return 1
		}}
		attached := make(chan struct{})
		at.la.Post(func() { at.connect(t, a, b); close(attached) })
		wait(t, "pair", attached)
		a.Queue(make([]byte, sent))
		a.Abort(errTest)
		if err := wait(t, "end", b.end); !errors.Is(err, io.EOF) || got != sent {
			t.Errorf("%d bytes of %d were received before Closed(%v)", got, sent, err)
		}
	})
}

// A reader that waits for the rest of something is given more than one buffer at
// a time.
func TestBuffersAreJoined(t *testing.T) { nearAndFar(t, buffersAreJoined) }

func buffersAreJoined(t *testing.T, a, b *port, _ int) {
	text := []byte("a message that came in many pieces")
	var seen []string
	b.take = func(p []byte) int {
		seen = append(seen, string(p))
		if len(p) < len(text) {
			return 0
		}
		return len(p)
	}
	for i := range text {
		a.write(t, text[i:i+1])
	}
	for range 2 * len(text) {
		b.end.Pump()
	}
	if b.got != int64(len(text)) {
		t.Errorf("%d bytes of %d were taken; seen: %q", b.got, len(text), seen)
	}
	for i, s := range seen {
		if !bytes.HasPrefix(text, []byte(s)) {
			t.Errorf("piece %d is %q", i, s)
		}
	}
	allBack(t, a, b)
}

// What is taken in part is joined with what follows, not with what was taken.
func TestBuffersAreJoinedAfterWhatWasTaken(t *testing.T) {
	nearAndFar(t, buffersAreJoinedAfterWhatWasTaken)
}

func buffersAreJoinedAfterWhatWasTaken(t *testing.T, a, b *port, _ int) {
	const text = "0123456789"
	var got []byte
	b.take = func(p []byte) int {
		if len(p) < 3 && len(got)+len(p) < len(text) {
			return 0
		}
		n := min(len(p), 3)
		got = append(got, p[:n]...)
		return n
	}
	for _, s := range []string{"0123", "4567", "89"} {
		a.write(t, []byte(s))
	}
	for range 20 {
		b.end.Pump()
	}
	if string(got) != text {
		t.Errorf("got %q, want %q", got, text)
	}
	allBack(t, a, b)
}

// Small buffers that wait share a few: bounding the bytes bounds the memory.
func TestSmallBuffersArePacked(t *testing.T) { nearAndFar(t, smallBuffersArePacked) }

func smallBuffersArePacked(t *testing.T, a, b *port, ahead int) {
	const total = 100_000
	var want pattern
	for range total {
		a.write(t, want.append(nil, 1))
	}
	if n := a.pool.Out(); n > int64(ahead+memconn.Slots+4) {
		t.Errorf("%d buffers are out for %d bytes", n, total)
	}
	if n := a.end.Buffered(); n != total-ahead-memconn.Slots {
		t.Errorf("Buffered() = %d, want %d", n, total-ahead-memconn.Slots)
	}
	var got pattern
	b.take = func(p []byte) int {
		if !got.check(p) {
			t.Fatalf("wrong bytes after %d", got)
		}
		return len(p)
	}
	for got < total {
		before := got
		for b.end.Pump() {
		}
		for a.end.Pump() {
		}
		if got == before {
			t.Fatalf("stuck at %d bytes", got)
		}
	}
	allBack(t, a, b)
}
