package memconn_test

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// message is a sender and its count: what the order is checked by.
const message = 8

func appendMessage(b []byte, sender, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(sender))
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// inOrder is a side that closes done when it has received want messages, each
// sender's in order.
func inOrder(t *testing.T, want int) (s *side, done chan struct{}) {
	done = make(chan struct{})
	next := make(map[uint32]uint32)
	s = &side{received: func(c *engine.Conn, b []byte) int {
		if len(b)%message != 0 {
			t.Errorf("received %d bytes, no whole messages", len(b))
			c.Abort(errTest)
		}
		for m := b; len(m) >= message; m = m[message:] {
			sender, n := binary.BigEndian.Uint32(m), binary.BigEndian.Uint32(m[4:])
			if n != next[sender] {
				t.Errorf("message %d of sender %d came when %d was due", n, sender, next[sender])
				c.Abort(errTest)
				return len(b)
			}
			next[sender]++
			if want--; want == 0 {
				close(done)
			}
		}
		return len(b)
	}}
	return s, done
}

// writeOnLoop has a write messages of sender 0, a batch in each turn of its loop.
func writeOnLoop(t *testing.T, at *ends, a *side, messages, batch int) {
	n := 0
	var send func()
	send = func() {
		for range batch {
			out := a.Out()
			if out == nil {
				t.Error("the conn has ended")
				return
			}
			out.B = appendMessage(out.B, 0, n)
			n++
		}
		if n < messages {
			at.la.Post(send)
		}
	}
	at.la.Post(send)
}

func TestOrderFromTheLoop(t *testing.T) {
	const total, batch = 100_000, 100
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b, done := inOrder(t, total)
		at.connect(t, a, b)
		writeOnLoop(t, at, a, total, batch)
		wait(t, "last message", done)
	})
}

// Messages from the loop and from other goroutines keep each sender's order,
// whatever the mixture.
func TestOrderFromEverywhere(t *testing.T) {
	const senders, each = 5, 20_000 // sender 0 is the loop
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b, done := inOrder(t, senders*each)
		at.connect(t, a, b)
		writeOnLoop(t, at, a, each, 10)
		var wg sync.WaitGroup
		for s := 1; s < senders; s++ {
			wg.Go(func() {
				buf := make([]byte, 0, message)
				for n := range each {
					if err := a.Queue(appendMessage(buf, s, n)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		wait(t, "last message", done)
	})
}

// On the loop, Out and Queue share one order.
func TestOrderOfOutAndQueue(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var got bytes.Buffer
		all := make(chan string, 1)
		b := &side{received: func(_ *engine.Conn, b []byte) int {
			if got.Write(b); got.Len() == 10 {
				all <- got.String()
			}
			return len(b)
		}}
		a := &side{opened: func(c *engine.Conn) {
			for i := byte('0'); i <= '9'; i += 2 {
				write(c, []byte{i})
				c.Queue([]byte{i + 1})
			}
		}}
		at.connect(t, a, b)
		if s := wait(t, "message", all); s != "0123456789" {
			t.Errorf("got %q", s)
		}
	})
}
