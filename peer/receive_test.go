package peer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

func TestEchoObject(t *testing.T) {
	setUp := func(s, c *side) {
		s.reg.AddObject("test:echo", 21, Echo{As: "test:answer"})
		s.reg.AddObject("test:answer", 22, nil)
		c.reg.AddObject("test:echo", 44, nil)
		c.reg.AddObject("test:answer", 45, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		w.client.Untyped().Handle("test:answer", func(c *Conn, v any) error { got <- v; return nil })
		_, cc := w.handshake(t)
		cc.Untyped().Send("test:echo", "hello")
		if v := wait(t, "answer", got); v != "hello" {
			t.Errorf("got %v", v)
		}
	})
}

func TestOnPacketGetsTheRest(t *testing.T) {
	var rest chan string
	setUp := func(s, c *side) {
		rest = make(chan string, 1)
		s.cfg.OnPacket = func(c *Conn, typ *registry.Type, v any) error {
			rest <- fmt.Sprintf("%s %v", typ.Name(), v)
			return nil
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		Send(cc, w.c.pong, &note{7, "x"})
		if got := wait(t, "packet", rest); got != "test:pong &{7 x}" {
			t.Errorf("got %q", got)
		}
	})
}

func TestRecvByHand(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 2)
		sc, _ := w.handshake(t)
		b, _ := new(codec.Msgpack).Append([]byte{0, 17}, note{1, "encoded"})
		if err := w.server.Untyped().RecvEncoded(sc, b); err != nil {
			t.Fatal(err)
		}
		if err := w.server.Untyped().RecvPacket(sc.ID(), "test:ping", &note{2, "packet"}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"encoded", "packet"} {
			if got := wait(t, "packet", pings); got.Text != want {
				t.Errorf("got %q, want %q", got.Text, want)
			}
		}
	})
}

// What is handed in is for a conn that is made and not lost, like what comes
// from the other side.
func TestRecvPacketMindsTheState(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		sc, _ := w.handshake(t)
		sc.Loop().Post(func() {
			sc.Softquit("reason.bye")
			sc.Untyped().RecvPacket(w.s.ping, &note{1, "after the end"})
		})
		w.s.next(t, "lost")
		eventually(t, "the end", func() bool { return sc.State() == Disconnected })
		nothing(t, "packet", pings)
	})
	s := newSide(false, 17, 18)
	s.cfg.Wrap = func(c *Conn, inner engine.Transport) engine.Transport {
		c.Untyped().RecvPacket(s.ping, &note{1, "before the handshake"})
		return inner
	}
	packets := make(chan any, 1)
	s.cfg.OnPacket = func(_ *Conn, _ *registry.Type, v any) error { packets <- v; return nil }
	dialWire(t, s) // says nothing
	if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonProtocol) {
		t.Errorf("lost because of %v", e.reason)
	}
	nothing(t, "packet", packets)
}

// Nor is it for one that was aborted, whether or not it was made before.
func TestNothingIsReceivedByAnAbortedConn(t *testing.T) {
	for name, steps := range map[string]int{"before it is made": 2, "after it was made": 3} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			internal, err := s.reg.AddInternal("packetmq:early", 5, nil)
			if err != nil {
				t.Fatal(err)
			}
			opened := make(chan *Conn, 1)
			s.cfg.OnOpen = func(c *Conn) { opened <- c }
			packets := make(chan string, 10)
			s.cfg.OnPacket = func(_ *Conn, ty *registry.Type, _ any) error { packets <- ty.Name(); return nil }
			dial := listenWire(t, s)
			w := dial()
			w.shake(steps)
			if steps == 2 {
				w.expect(registry.IDFinish)
			} else {
				s.next(t, "made")
			}
			c := wait(t, "conn", opened)
			first, free := make(chan bool), make(chan bool)
			c.Loop().Post(func() { first <- true; <-free })
			wait(t, "the loop", first)
			second := make(chan bool) // in one batch with what is received
			c.Loop().Post(func() { second <- true; <-free })
			c.Untyped().RecvPacket(s.ping, &note{1, "decoded"})
			c.Untyped().RecvPacket(internal, 1)
			c.Untyped().RecvEncoded([]byte{0, 17, 0xc0})
			free <- true
			wait(t, "the second batch", second)
			c.Abort(ErrClosed)
			free <- true
			s.next(t, "lost")
			nothing(t, "packet", packets)
		})
	}
}

func TestPacketsOfNobody(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		var zero registry.Packet[note]
		for name, err := range map[string]error{
			"zero":         Send(cc, zero, &note{}),
			"foreign":      Send(cc, w.s.ping, &note{}),
			"nil type":     cc.SendRaw(nil, nil),
			"zero handler": panicked(func() { Handle(w.client, zero, func(*Conn, *note) error { return nil }) }),
			"foreign one":  panicked(func() { Handle(w.client, w.s.ping, func(*Conn, *note) error { return nil }) }),
		} {
			if !errors.Is(err, ErrNoPacket) {
				t.Errorf("%s: %v, want ErrNoPacket", name, err)
			}
		}
	})
}
