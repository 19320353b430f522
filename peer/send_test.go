package peer

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

func TestEverySendForm(t *testing.T) {
	obj := &struct{ name string }{"an object"}
	setUp := func(s, c *side) {
		s.reg.AddObject("test:obj", 19, nil)
		c.reg.AddObject("test:obj", 42, obj)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		for _, name := range []string{"test:ping", "test:obj"} {
			w.server.Untyped().Handle(name, func(c *Conn, v any) error {
				if n, ok := v.(*note); ok {
					v = n.Text
				}
				got <- v
				return nil
			})
		}
		_, cc := w.handshake(t)
		payload, err := new(codec.Msgpack).Append(nil, note{0, "raw"})
		if err != nil {
			t.Fatal(err)
		}
		onLoop := func(f func() error) error {
			done := make(chan error, 1)
			cc.Loop().Post(func() { done <- f() })
			return wait(t, "post", done)
		}
		typ := w.c.ping.In(w.c.reg)
		for _, form := range []struct {
			name string
			send func() error
			want any
		}{
			{"name", func() error { return cc.Untyped().Send("test:ping", note{0, "name"}) }, "name"},
			{"id", func() error { return cc.Untyped().Send(40, &note{0, "id"}) }, "id"},
			{"object", func() error { return cc.Untyped().Send(obj, "object") }, "object"},
			{"type", func() error { return cc.Untyped().Send(typ, note{0, "type"}) }, "type"},
			{"packet", func() error { return cc.Untyped().Send(w.c.ping, note{0, "packet"}) }, "packet"},
			{"typed", func() error { return Send(cc, w.c.ping, &note{0, "typed"}) }, "typed"},
			{"raw", func() error { return cc.SendRaw(typ, payload) }, "raw"},
			{"encoded", func() error { return cc.Untyped().SendEncoded(append([]byte{0, 17}, payload...)) }, "raw"},
			{"peer, default", func() error { return w.client.Untyped().Send(nil, "test:ping", note{0, "default"}) }, "default"},
			{"peer, conn", func() error { return w.client.Untyped().Send(cc, "test:ping", note{0, "conn"}) }, "conn"},
			{"peer, conn id", func() error { return w.client.Untyped().Send(cc.ID(), 40, note{0, "conn id"}) }, "conn id"},
			{"peer, encoded", func() error { return w.client.Untyped().SendEncoded(nil, append([]byte{0, 17}, payload...)) }, "raw"},
			{"broadcast", func() error { return w.client.Untyped().Broadcast("test:ping", note{0, "all"}) }, "all"},
			{"reply", func() error { return onLoop(func() error { return cc.Untyped().Reply(obj, "reply") }) }, "reply"},
			{"typed reply", func() error {
				return onLoop(func() error { return Reply(cc, w.c.ping, &note{0, "typed reply"}) })
			}, "typed reply"},
			{"raw reply", func() error { return onLoop(func() error { return cc.ReplyRaw(typ, payload) }) }, "raw"},
		} {
			if err := form.send(); err != nil {
				t.Fatalf("%s: %v", form.name, err)
			}
			if v := wait(t, form.name, got); v != form.want {
				t.Errorf("%s: got %v", form.name, v)
			}
		}
		if err := w.client.Untyped().Broadcast("test:ping", note{}, cc); err != nil {
			t.Error(err)
		}
		if err := Send(cc, w.c.ping, &note{0, "after it"}); err != nil {
			t.Error(err)
		}
		if v := wait(t, "packet after the broadcast", got); v != "after it" {
			t.Errorf("a packet to the conn that was left out: %v", v)
		}
	})
}

func TestSendErrors(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		if err := w.client.Untyped().Send(nil, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("send without a conn: %v", err)
		}
		sc, cc := w.handshake(t)
		var unknown *registry.UnknownError
		if err := cc.Untyped().Send("test:none", 1); !errors.As(err, &unknown) {
			t.Errorf("send of an unknown packet: %v", err)
		}
		if err := cc.Untyped().Send("test:ping", func() {}); err == nil {
			t.Error("a func was sent")
		}
		if err := w.server.Untyped().Send(nil, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("a server's send without a conn: %v", err)
		}
		if err := w.client.Untyped().Send(sc, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("send on a conn of another peer: %v", err)
		}
		var big *SizeError
		if err := cc.Untyped().Send("test:ping", make([]byte, DefaultMaxFrame)); !errors.As(err, &big) {
			t.Errorf("send of more than the other side takes: %v", err)
		}
		if err := cc.Untyped().SendEncoded([]byte{1}); !errors.Is(err, codec.ErrShortFrame) {
			t.Errorf("send of one byte: %v", err)
		}
		w.c.reg.AddObject("test:late", 50, nil, registry.Late())
		if err := cc.Untyped().Send("test:late", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet that the other side was not told: %v", err)
		}
		cc.Softquit("")
		if err := cc.Untyped().Send("test:ping", 1); err == nil {
			t.Error("send after softquit")
		}
		w.c.next(t, "lost")
		w.s.next(t, "lost")
	})
}

// Packets of one sender arrive in its order, whatever the API, goroutine and
// mixture.
func TestOrderOfAllAPIs(t *testing.T) {
	total := 100_000
	if testing.Short() || raceEnabled {
		total = 10_000
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		const senders = 6
		each := total / senders
		last := [senders]int{}
		var bad, count int
		done := make(chan struct{})
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			who := int(v.Text[0] - 'a')
			if v.N != last[who] {
				bad++
			}
			last[who] = v.N + 1
			if count++; count == each*senders {
				close(done)
			}
			return nil
		})
		_, cc := w.handshake(t)
		raw := func(who string, n int) []byte {
			b, _ := new(codec.Msgpack).Append([]byte{0, 17}, note{n, who})
			return b
		}
		flow := func() bool { return cc.Pending() < 4<<20 } // the bound ends the conn
		var wg sync.WaitGroup
		for i, send := range []func(who string, n int) error{
			func(who string, n int) error { return Send(cc, w.c.ping, &note{n, who}) },
			func(who string, n int) error { return cc.Untyped().Send("test:ping", note{n, who}) },
			func(who string, n int) error { return cc.Untyped().SendEncoded(raw(who, n)) },
			func(who string, n int) error {
				if n%2 == 0 {
					return w.client.Untyped().Broadcast(40, note{n, who})
				}
				return cc.SendRaw(w.c.ping.In(w.c.reg), raw(who, n)[2:])
			},
		} {
			who := string(rune('a' + i))
			wg.Go(func() {
				for n := 0; n < each; {
					if !flow() {
						runtime.Gosched()
						continue
					}
					if err := send(who, n); err != nil {
						t.Errorf("sender %s, packet %d: %v", who, n, err)
						return
					}
					n++
				}
			})
		}
		// Two senders on the loop, one of them mixing Reply and Send.
		for _, who := range []string{"e", "f"} {
			n := 0
			var step func()
			step = func() {
				for range 50 {
					if n == each || !flow() {
						break
					}
					v := &note{n, who}
					err := error(nil)
					if who == "e" || n%3 == 0 {
						err = Reply(cc, w.c.ping, v)
					} else {
						err = Send(cc, w.c.ping, v)
					}
					if err != nil {
						t.Errorf("sender %s: %v", who, err)
						return
					}
					n++
				}
				if n < each {
					cc.Loop().Post(step)
				}
			}
			cc.Loop().Post(step)
		}
		wg.Wait()
		wait(t, "last packet", done)
		if bad != 0 {
			t.Errorf("%d of %d packets out of order", bad, count)
		}
	})
}

// A frame as large as the limit passes, both ways; the next larger one does not
// leave.
func TestLargestFrame(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan int, 1)
		w.server.Untyped().HandleRaw("test:ping", func(c *Conn, b []byte) error { got <- len(b); return nil })
		_, cc := w.handshake(t)
		payload := make([]byte, DefaultMaxFrame-codec.IDSize)
		if err := cc.SendRaw(w.c.ping.In(w.c.reg), payload); err != nil {
			t.Fatal(err)
		}
		if n := wait(t, "packet", got); n != len(payload) {
			t.Errorf("%d bytes arrived, want %d", n, len(payload))
		}
		var se *SizeError
		if err := cc.SendRaw(w.c.ping.In(w.c.reg), append(payload, 0)); !errors.As(err, &se) {
			t.Errorf("one byte more: %v", err)
		}
	})
}

func TestBroadcastLeavesOutConnsThatEnd(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pongs := inbox(t, w.client, w.c.pong, 2)
		first, _ := w.handshake(t)
		w.handshake(t)
		errs := make(chan error, 1)
		first.Loop().Post(func() {
			first.Softquit("reason.bye")
			errs <- w.server.Untyped().Broadcast(w.s.pong, &note{1, ""})
		})
		if err := wait(t, "broadcast", errs); err != nil {
			t.Error(err)
		}
		wait(t, "pong", pongs)
	})
}

// speaker is a value whose marshalling sends on the conn that it is sent on.
type speaker struct{ say func() }

func (s *speaker) MarshalMsg(b []byte) ([]byte, error) {
	if s.say != nil {
		s.say()
	}
	return append(b, 0xa3, 'o', 'u', 't'), nil
}
func (s *speaker) UnmarshalMsg(b []byte) ([]byte, error) { return nil, nil }

func TestMarshallingThatSends(t *testing.T) {
	setUp := func(s, c *side) {
		registry.MustAdd[speaker](s.reg, "test:speak", 30)
		s.reg.AddObject("test:inner", 31, nil)
		c.reg.AddObject("test:speak", 50, nil)
		c.reg.AddObject("test:inner", 51, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 4)
		for _, name := range []string{"test:speak", "test:inner"} {
			w.client.Untyped().Handle(name, func(c *Conn, v any) error { got <- v; return nil })
		}
		sc, _ := w.handshake(t)
		inner, err := sc.peer.reg.Lookup("test:inner")
		if err != nil {
			t.Fatal(err)
		}
		// The second is sent as it is, from where it is, where nothing stands before it.
		for _, text := range []string{"inner", strings.Repeat("inner", 50_000)} {
			raw := codec.AppendString(nil, text)
			sc.Loop().Post(func() {
				sc.Untyped().Reply("test:inner", "first")
				sc.Untyped().Reply("test:speak", &speaker{func() { sc.ReplyRaw(inner, raw) }})
				sc.Untyped().Reply("test:inner", "last")
			})
			for _, want := range []string{"first", "out", text, "last"} {
				if v := wait(t, "packet", got); v != want {
					t.Errorf("got %.10v, want %.10s", v, want)
				}
			}
		}
	})
}
