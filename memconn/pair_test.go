package memconn_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

var errTest = errors.New("a reason of the test's own")

func TestEcho(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		got := make(chan string, 1)
		a := &side{
			opened:   func(c *engine.Conn) { write(c, []byte("hello")) },
			received: func(_ *engine.Conn, b []byte) int { got <- string(b); return len(b) },
		}
		at.connect(t, a, &side{received: echo})
		if s := wait(t, "echo", got); s != "hello" {
			t.Errorf("got %q", s)
		}
		a.Queue([]byte("again"))
		if s := wait(t, "echo", got); s != "again" {
			t.Errorf("got %q", s)
		}
	})
}

func TestAddr(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a, b := &side{}, &side{}
		at.connect(t, a, b)
		for _, s := range []*side{a, b} {
			if l, r := s.LocalAddr(), s.RemoteAddr(); l.Network() != "mem" || l.String() != "mem" || r != l {
				t.Errorf("addresses are %v %v and %v %v", l.Network(), l, r.Network(), r)
			}
		}
	})
}

// What is written to an end that nobody has attached yet waits there.
func TestWriteBeforeTheOtherEndIsAttached(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		ta, tb := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
		a, b := &side{}, &side{}
		got := make(chan string, 1)
		b.received = func(_ *engine.Conn, b []byte) int { got <- string(b); return len(b) }
		at.attach(t, at.ra, at.la, ta, a)
		a.Queue([]byte("early"))
		settle(t, at.la)
		at.attach(t, at.rb, at.lb, tb, b)
		if s := wait(t, "message", got); s != "early" {
			t.Errorf("got %q", s)
		}
	})
}

// Neither side sees memory that the other one can write to: not the slice that
// was written, nor the one that was received.
func TestIsolation(t *testing.T) {
	text := []byte("what the writer wrote")
	scribble := func(b []byte, v byte) {
		for i := range b {
			b[i] = v
		}
	}
	sends := map[string]func(a *side, b []byte){
		"Out":   func(a *side, b []byte) { write(&a.Conn, b) },
		"Queue": func(a *side, b []byte) { a.Queue(b) },
	}
	for name, send := range sends {
		t.Run(name, func(t *testing.T) {
			everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
				got := make(chan string, 1)
				written := make(chan struct{})
				a := &side{}
				b := &side{received: func(_ *engine.Conn, b []byte) int {
					<-written
					got <- string(b)
					scribble(b, 'r')
					return len(b)
				}}
				at.connect(t, a, b)
				kept := bytes.Clone(text)
				at.la.Post(func() {
					send(a, kept)
					scribble(kept, 'w')
					close(written)
				})
				if s := wait(t, "message", got); s != string(text) {
					t.Errorf("got %q, want %q", s, text)
				}
				settle(t, at.lb) // the reader has scribbled too
				if want := bytes.Repeat([]byte{'w'}, len(text)); !bytes.Equal(kept, want) {
					t.Errorf("the writer's slice is %q, want %q", kept, want)
				}
			})
		})
	}
}
