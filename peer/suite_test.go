package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/registry"
)

func TestHandshakeAndAdaptation(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		pongs := inbox(t, w.client, w.c.pong, 1)
		sc, cc := w.handshake(t)
		if sc.State() != Active || cc.State() != Active {
			t.Fatalf("states are %v and %v", sc.State(), cc.State())
		}
		if id, err := cc.wireID(w.c.ping.Type()); err != nil || id != 17 {
			t.Errorf("the client sends test:ping as %d, %v, want the server's 17", id, err)
		}
		if id := w.c.ping.ID(); id != 40 {
			t.Errorf("adaptation changed the client's registry: test:ping is %d", id)
		}
		if err := Send(cc, w.c.ping, &note{1, "to the server"}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "ping", pings); got != (note{1, "to the server"}) {
			t.Errorf("got %+v", got)
		}
		if err := Send(sc, w.s.pong, &note{2, "to the client"}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "pong", pongs); got != (note{2, "to the client"}) {
			t.Errorf("got %+v", got)
		}
		if w.server.Conn(sc.ID()) != sc || w.client.Conn(cc.ID()) != cc {
			t.Error("conns are not found by their ids")
		}
	})
}

func TestEverySendForm(t *testing.T) {
	obj := &struct{ name string }{"an object"}
	setUp := func(s, c *side) {
		s.reg.Add("test:obj", 19, nil)
		c.reg.Add("test:obj", 42, obj)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		for _, name := range []string{"test:ping", "test:obj"} {
			err := HandleAny(w.server, name, func(c *Conn, v any) error {
				if n, ok := v.(*note); ok {
					v = n.Text
				}
				got <- v
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
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
		typ := w.c.ping.Type()
		for _, form := range []struct {
			name string
			send func() error
			want any
		}{
			{"name", func() error { return cc.Send("test:ping", note{0, "name"}) }, "name"},
			{"id", func() error { return cc.Send(40, &note{0, "id"}) }, "id"},
			{"object", func() error { return cc.Send(obj, "object") }, "object"},
			{"type", func() error { return cc.Send(typ, note{0, "type"}) }, "type"},
			{"packet", func() error { return cc.Send(w.c.ping, note{0, "packet"}) }, "packet"},
			{"typed", func() error { return Send(cc, w.c.ping, &note{0, "typed"}) }, "typed"},
			{"raw", func() error { return cc.SendRaw(typ, payload) }, "raw"},
			{"encoded", func() error { return cc.SendEncoded(append([]byte{0, 17}, payload...)) }, "raw"},
			{"peer, default", func() error { return w.client.Send(nil, "test:ping", note{0, "default"}) }, "default"},
			{"peer, conn", func() error { return w.client.Send(cc, "test:ping", note{0, "conn"}) }, "conn"},
			{"peer, conn id", func() error { return w.client.Send(cc.ID(), 40, note{0, "conn id"}) }, "conn id"},
			{"peer, encoded", func() error { return w.client.SendEncoded(nil, append([]byte{0, 17}, payload...)) }, "raw"},
			{"broadcast", func() error { return w.client.Broadcast("test:ping", note{0, "all"}) }, "all"},
			{"reply", func() error { return onLoop(func() error { return cc.Reply(obj, "reply") }) }, "reply"},
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
		if err := w.client.Broadcast("test:ping", note{}, cc); err != nil {
			t.Error(err)
		}
		nothing(t, "packet to the conn that was left out", got)
	})
}

func TestSendErrors(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		if err := w.client.Send(nil, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("send without a conn: %v", err)
		}
		sc, cc := w.handshake(t)
		var unknown *registry.UnknownError
		if err := cc.Send("test:none", 1); !errors.As(err, &unknown) {
			t.Errorf("send of an unknown packet: %v", err)
		}
		if err := cc.Send("test:ping", func() {}); err == nil {
			t.Error("a func was sent")
		}
		if err := w.server.Send(nil, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("a server's send without a conn: %v", err)
		}
		if err := w.client.Send(sc, "test:ping", 1); !errors.Is(err, ErrNoConn) {
			t.Errorf("send on a conn of another peer: %v", err)
		}
		var big *SizeError
		if err := cc.Send("test:ping", make([]byte, DefaultMaxFrame)); !errors.As(err, &big) {
			t.Errorf("send of more than the other side takes: %v", err)
		}
		if err := cc.SendEncoded([]byte{1}); !errors.Is(err, codec.ErrShortFrame) {
			t.Errorf("send of one byte: %v", err)
		}
		w.c.reg.Add("test:late", 50, nil)
		if err := cc.Send("test:late", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet that the other side was not told: %v", err)
		}
		cc.Softquit("")
		if err := cc.Send("test:ping", 1); err == nil {
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
	if testing.Short() {
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
			func(who string, n int) error { return cc.Send("test:ping", note{n, who}) },
			func(who string, n int) error { return cc.SendEncoded(raw(who, n)) },
			func(who string, n int) error {
				if n%2 == 0 {
					return w.client.Broadcast(40, note{n, who})
				}
				return cc.SendRaw(w.c.ping.Type(), raw(who, n)[2:])
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

func TestSoftquit(t *testing.T) {
	for _, by := range []string{"client", "server"} {
		t.Run(by, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				sc, cc := w.handshake(t)
				me, other := w.c, w.s
				mine, others := cc, sc
				if by == "server" {
					me, other, mine, others = other, me, others, mine
				}
				if err := mine.Softquit("reason.bye"); err != nil {
					t.Fatal(err)
				}
				if err := mine.Softquit("reason.again"); !errors.Is(err, ErrNotActive) {
					t.Errorf("second softquit: %v", err)
				}
				for _, s := range []*side{me, other} {
					if e := s.next(t, "lost"); e.reason != Reason("reason.bye") {
						t.Errorf("lost because of %v, want reason.bye", e.reason)
					}
				}
				eventually(t, "both disconnected", func() bool {
					return mine.State() == Disconnected && others.State() == Disconnected
				})
				if w.client.NumConns() != 0 || w.server.NumConns() != 0 {
					t.Error("conns are left")
				}
				w.client.Close()
				w.server.Close()
				nothing(t, "event", me.events)
				nothing(t, "event", other.events)
			})
		})
	}
}

// eventually waits for what another goroutine is about to have done, and for
// which it gives no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}

func TestEmptyReasonIsUnknown(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		cc.Softquit("")
		if e := w.s.next(t, "lost"); e.reason != ReasonUnknown {
			t.Errorf("lost because of %v", e.reason)
		}
		w.c.next(t, "lost")
	})
}

func TestAbort(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		broken := errors.New("broken on purpose")
		cc.Abort(broken)
		if e := w.c.next(t, "lost"); !errors.Is(e.reason, broken) {
			t.Errorf("this side lost it because of %v", e.reason)
		}
		var reason Reason
		if e := w.s.next(t, "lost"); e.reason == nil || errors.As(e.reason, &reason) {
			t.Errorf("the other side lost it because of %v, want the transport's error", e.reason)
		}
		if err := cc.Send("test:ping", 1); !errors.Is(err, ErrClosed) {
			t.Errorf("send on it: %v", err)
		}
	})
}

// A packet sent from the lost-connection callback arrives, before the end.
func TestLastPacketInTheCallback(t *testing.T) {
	var w *world
	setUp := func(s, c *side) {
		lost := c.cfg.OnLost
		c.cfg.OnLost = func(conn *Conn, reason error) {
			if err := Send(conn, c.ping, &note{99, "last words"}); err != nil {
				lost(conn, fmt.Errorf("last packet: %w", err))
				return
			}
			lost(conn, reason)
		}
	}
	everywhere(t, setUp, func(t *testing.T, world *world) {
		w = world
		pings := inbox(t, w.server, w.s.ping, 2)
		_, cc := w.handshake(t)
		Send(cc, w.c.ping, &note{1, "before"})
		cc.Softquit("reason.bye")
		if e := w.c.next(t, "lost"); e.reason != Reason("reason.bye") {
			t.Error(e.reason)
		}
		for _, want := range []int{1, 99} {
			if got := wait(t, "ping", pings); got.N != want {
				t.Errorf("got %+v, want %d", got, want)
			}
		}
		if e := w.s.next(t, "lost"); e.reason != Reason("reason.bye") {
			t.Error(e.reason)
		}
	})
}

func TestHandlerFaultsStayTheirOwn(t *testing.T) {
	oops := errors.New("oops")
	for name, test := range map[string]struct {
		handle func() error
		here   func(error) bool
		there  Reason
	}{
		"error": {func() error { return oops },
			func(err error) bool { return errors.Is(err, oops) && errors.Is(err, ReasonHandler) }, ReasonHandler},
		"reason": {func() error { return Reason("reason.kicked") },
			func(err error) bool { return err == Reason("reason.kicked") }, "reason.kicked"},
		"panic": {func() error { panic(oops) },
			func(err error) bool {
				var p *engine.PanicError
				return errors.As(err, &p) && p.Value == any(oops)
			}, ReasonHandler},
		"drop": {func() error { return ErrDrop }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				ok := make(chan int, 10)
				Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
					if v.Text == "fail" {
						return test.handle()
					}
					ok <- v.N
					return nil
				})
				_, good := w.handshake(t)
				_, bad := w.handshake(t)
				Send(bad, w.c.ping, &note{1, "fail"})
				Send(bad, w.c.ping, &note{2, "after"})
				if test.here == nil {
					if n := wait(t, "packet after the dropped one", ok); n != 2 {
						t.Errorf("got packet %d", n)
					}
					return
				}
				if e := w.s.next(t, "lost"); !test.here(e.reason) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
				if e := w.c.next(t, "lost"); e.reason != test.there || e.conn != bad {
					t.Errorf("the client lost %v because of %v", e.conn, e.reason)
				}
				nothing(t, "packet after the fault", ok)
				Send(good, w.c.ping, &note{3, "fine"})
				if n := wait(t, "packet on the other conn", ok); n != 3 {
					t.Errorf("got packet %d", n)
				}
			})
		})
	}
}

func TestPanicInCallbacks(t *testing.T) {
	for _, in := range []string{"made", "lost"} {
		t.Run(in, func(t *testing.T) {
			setUp := func(s, c *side) {
				if in == "made" {
					s.cfg.OnMade = func(*Conn) { panic("in OnMade") }
					return
				}
				lost := s.cfg.OnLost
				s.cfg.OnLost = func(c *Conn, r error) { lost(c, r); panic("in OnLost") }
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if in == "lost" && err == nil {
					w.server.Broadcast("test:ping", 1)
					for c := range w.client.Conns() {
						c.Softquit("reason.bye")
					}
				}
				for wait(t, "loss", w.s.events).what != "lost" {
				}
				// The server goes on.
				if c, err := w.connect(t.Context()); in == "lost" {
					if err != nil {
						t.Fatal(err)
					}
					if c.State() != Active {
						t.Error(c.State())
					}
				}
			})
		})
	}
}

func TestHooksSeeAndReplaceEachStep(t *testing.T) {
	setUp := func(s, c *side) {
		c.cfg.PacketOut = func(_ *Conn, _ *registry.Type, v any) (any, error) {
			n := *v.(*note)
			if n.Text == "drop out" {
				return nil, ErrDrop
			}
			n.Text += ">packet out"
			return n, nil
		}
		c.cfg.EncodedOut = func(_ *Conn, raw []byte) ([]byte, error) {
			return []byte(strings.Replace(string(raw), "packet out", "PACKET OUT", 1)), nil
		}
		s.cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) {
			return []byte(strings.Replace(string(raw), "first", "FIRST", 1)), nil
		}
		s.cfg.PacketIn = func(_ *Conn, typ *registry.Type, v any) (any, error) {
			n := *v.(*note)
			if n.Text == "FIRST>PACKET OUT" {
				n.Text += ">" + typ.Name()
			}
			if strings.HasPrefix(n.Text, "drop in") {
				return nil, ErrDrop
			}
			return &n, nil
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		_, cc := w.handshake(t)
		for _, text := range []string{"drop in", "drop out", "first"} {
			if err := Send(cc, w.c.ping, &note{0, text}); err != nil {
				t.Fatal(err)
			}
		}
		if got := wait(t, "packet", pings); got.Text != "FIRST>PACKET OUT>test:ping" {
			t.Errorf("got %q", got.Text)
		}
	})
}

// tracer has every hook, and says so in the value.
type tracer struct{ received chan string }

func (h tracer) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	if v == "refuse" {
		return nil, nil, errors.New("refused")
	}
	return to, v.(string) + ">send", nil
}
func (h tracer) OnEncode(to registry.Conn, v any) (any, error)   { return v.(string) + ">encode", nil }
func (h tracer) OnDecode(from registry.Conn, v any) (any, error) { return v.(string) + ">decode", nil }
func (h tracer) OnReceive(from registry.Conn, v any) error {
	h.received <- v.(string)
	return nil
}

func TestObjectHooks(t *testing.T) {
	var received chan string
	setUp := func(s, c *side) {
		received = make(chan string, 1)
		s.reg.Add("test:traced", 20, tracer{received})
		c.reg.Add("test:traced", 43, tracer{received})
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		if err := cc.Send("test:traced", "refuse"); err == nil {
			t.Error("a hook's refusal was not returned")
		}
		if err := cc.Send("test:traced", "v"); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "packet", received); got != "v>send>encode>decode" {
			t.Errorf("got %q", got)
		}
	})
}

// redirector sends everything to another conn.
type redirector struct{ to *Conn }

func (h *redirector) OnSend(registry.Conn, any) (registry.Conn, any, error) {
	return h.to, "redirected", nil
}

func TestOnSendRedirects(t *testing.T) {
	h := new(redirector)
	setUp := func(s, c *side) {
		s.reg.Add("test:hop", 20, h)
		c.reg.Add("test:hop", 43, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan uint64, 2)
		HandleAny(w.client, "test:hop", func(c *Conn, v any) error { got <- c.ID(); return nil })
		first, _ := w.handshake(t)
		second, cc := w.handshake(t)
		h.to = second
		if err := first.Send("test:hop", "v"); err != nil {
			t.Fatal(err)
		}
		if id := wait(t, "packet", got); id != cc.ID() {
			t.Errorf("it came on conn %d, want %d", id, cc.ID())
		}
	})
}

func TestEchoObject(t *testing.T) {
	setUp := func(s, c *side) {
		s.reg.Add("test:echo", 21, registry.Echo{As: "test:answer"})
		s.reg.Add("test:answer", 22, nil)
		c.reg.Add("test:echo", 44, nil)
		c.reg.Add("test:answer", 45, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		HandleAny(w.client, "test:answer", func(c *Conn, v any) error { got <- v; return nil })
		_, cc := w.handshake(t)
		cc.Send("test:echo", "hello")
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

func TestPacketLog(t *testing.T) {
	setUp := func(s, c *side) { c.cfg.PacketLog = 3 }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
		pongs := inbox(t, w.client, w.c.pong, 10)
		_, cc := w.handshake(t)
		exchange := func(n int) {
			Send(cc, w.c.ping, &note{n, "x"})
			wait(t, "pong", pongs)
		}
		exchange(1)
		exchange(2)
		log := w.client.PacketLog()
		if len(log) != 3 {
			t.Fatalf("%d entries, want the last 3", len(log))
		}
		for i, want := range []string{"received test:pong", "sent test:ping", "received test:pong"} {
			if got := fmt.Sprint(log[i].Direction, " ", log[i].Packet); got != want {
				t.Errorf("entry %d is %q, want %q", i, got, want)
			}
			if log[i].Conn != cc.ID() || log[i].Size != len(log[i].Payload) {
				t.Errorf("entry %d: %+v", i, log[i])
			}
		}
		w.client.ClearPacketLog()
		w.client.SetPacketLog(10, false, true)
		exchange(3)
		if log := w.client.PacketLog(); len(log) != 1 || log[0].Direction != Sent {
			t.Errorf("with receiving off the log is %v", log)
		}
		w.client.SetPacketLog(0, false, false)
		exchange(4)
		if log := w.client.PacketLog(); len(log) != 0 {
			t.Errorf("with logging off the log is %v", log)
		}
	})
}

func TestRecvByHand(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 2)
		sc, _ := w.handshake(t)
		b, _ := new(codec.Msgpack).Append([]byte{0, 17}, note{1, "encoded"})
		if err := w.server.RecvEncoded(sc, b); err != nil {
			t.Fatal(err)
		}
		if err := w.server.RecvPacket(sc.ID(), "test:ping", &note{2, "packet"}); err != nil {
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
			sc.RecvPacket(w.s.ping, &note{1, "behind the end"})
		})
		w.s.next(t, "lost")
		eventually(t, "the end", func() bool { return sc.State() == Disconnected })
		nothing(t, "packet", pings)
	})
	s := newSide(false, 17, 18)
	s.cfg.Wrap = func(c *Conn, inner engine.Transport) engine.Transport {
		c.RecvPacket(s.ping, &note{1, "before the handshake"})
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

func TestSkipHandshake(t *testing.T) {
	setUp := func(s, c *side) { s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		HandleAny(w.server, 18, func(c *Conn, v any) error { got <- v.(*note).N; return nil })
		w.c.reg.Add("test:same", 18, nil)
		_, cc := w.handshake(t)
		if cc.State() != Active {
			t.Fatal(cc.State())
		}
		cc.Send("test:same", note{5, ""})
		if v := wait(t, "packet", got); v != 5 {
			t.Errorf("got %v", v)
		}
	})
}

func TestSetState(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		cc.SetState(IDCheck)
		if err := cc.Send("test:ping", 1); !errors.Is(err, ErrNotActive) {
			t.Errorf("send in idcheck: %v", err)
		}
		cc.SetState(Active)
		pings := inbox(t, w.server, w.s.ping, 1)
		if err := Send(cc, w.c.ping, &note{1, ""}); err != nil {
			t.Error(err)
		}
		wait(t, "packet", pings)
		if sc.State() != Active {
			t.Error(sc.State())
		}
	})
}

func TestMismatchesEndTheHandshake(t *testing.T) {
	for name, test := range map[string]struct {
		setUp        func(s, c *side)
		here, there  Reason
		serverAdapts bool
	}{
		"same policy":  {func(s, c *side) { *c = *newSide(false, 40, 41) }, ReasonSameAdaptivePolicy, ReasonSameAdaptivePolicy, false},
		"more packets": {func(s, c *side) { c.reg.Add("test:more", 50, nil) }, ReasonNonEqualPackets, ReasonNonEqualPackets, false},
		"less packets": {func(s, c *side) { s.reg.Add("test:more", 50, nil) }, ReasonNonEqualPackets, ReasonNonEqualPackets, false},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, test.setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if !errors.Is(err, test.here) {
					t.Errorf("Connect returned %v, want %v", err, test.here)
				}
				if e := w.c.next(t, "lost"); !errors.Is(e.reason, test.here) {
					t.Errorf("the client lost it because of %v", e.reason)
				}
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, test.there) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
			})
		})
	}
}

// A frame as large as the limit passes, both ways; the next larger one does not
// leave.
func TestLargestFrame(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan int, 1)
		HandleRaw(w.server, "test:ping", func(c *Conn, b []byte) error { got <- len(b); return nil })
		_, cc := w.handshake(t)
		payload := make([]byte, DefaultMaxFrame-codec.IDSize)
		if err := cc.SendRaw(w.c.ping.Type(), payload); err != nil {
			t.Fatal(err)
		}
		if n := wait(t, "packet", got); n != len(payload) {
			t.Errorf("%d bytes arrived, want %d", n, len(payload))
		}
		var se *SizeError
		if err := cc.SendRaw(w.c.ping.Type(), append(payload, 0)); !errors.As(err, &se) {
			t.Errorf("one byte more: %v", err)
		}
	})
}

func TestStopAndRun(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		_, cc := w.handshake(t)
		w.server.Stop()
		for n := range 3 {
			if err := Send(cc, w.c.ping, &note{n, ""}); err != nil {
				t.Fatal(err)
			}
		}
		nothing(t, "packet while stopped", pings)
		if err := w.server.RunAsync(); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if got := wait(t, "packet", pings); got.N != n {
				t.Errorf("got %d, want %d", got.N, n)
			}
		}
		nothing(t, "event", w.s.events)
		nothing(t, "event", w.c.events)
	})
}

func TestShutdown(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pongs := inbox(t, w.client, w.c.pong, 100)
		sc, _ := w.handshake(t)
		for n := range 100 {
			Send(sc, w.s.pong, &note{n, ""})
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			t.Fatalf("Shutdown: %v", err)
		}
		for n := range 100 {
			if got := wait(t, "pong", pongs); got.N != n {
				t.Fatalf("got %d, want %d", got.N, n)
			}
		}
		if e := w.c.next(t, "lost"); e.reason != ReasonShutdown {
			t.Errorf("the client lost it because of %v", e.reason)
		}
	})
}

func TestCloseOfAClientWithASharedReactor(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		w.handshake(t)
		w.client.Close()
		if e := w.c.next(t, "lost"); e.reason == nil {
			t.Error("lost without a reason")
		}
		w.s.next(t, "lost")
		if _, err := w.connect(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Connect of a closed client: %v", err)
		}
	})
}

func TestWrap(t *testing.T) {
	setUp := func(s, c *side) {
		c.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport { return &flipper{Transport: inner} }
		s.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport { return &flipper{Transport: inner} }
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		_, cc := w.handshake(t)
		Send(cc, w.c.ping, &note{1, "secret"})
		if got := wait(t, "packet", pings); got.Text != "secret" {
			t.Errorf("got %q", got.Text)
		}
	})
}

// flipper is a transport that inverts every byte on its way.
type flipper struct {
	engine.Transport
	sink engine.Sink
}

func (f *flipper) Open(s engine.Sink) { f.sink = s; f.Transport.Open(f) }

func (f *flipper) Write(b *engine.Buffer) error {
	flip(b.B)
	return f.Transport.Write(b)
}

func (f *flipper) Received(b []byte) int {
	own := append([]byte(nil), b...)
	flip(own)
	return f.sink.Received(own)
}
func (f *flipper) Ended(err error)      { f.sink.Ended(err) }
func (f *flipper) Wake(on *engine.Loop) { f.sink.Wake(on) }
func (f *flipper) Loop() *engine.Loop   { return f.sink.Loop() }

func flip(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// Two clients with ids of their own against one server.
func TestTwoClientsWithDifferentIDs(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		other := newSide(true, 18, 17) // the server's ids, swapped
		other.cfg.Reactor = w.client.Reactor()
		client := NewMemoryClient(other.reg, &other.cfg)
		defer client.Close()
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
		a := inbox(t, w.client, w.c.pong, 1)
		b := inbox(t, client, other.pong, 1)
		_, ca := w.handshake(t)
		cb, err := client.Connect(t.Context(), w.server)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			Send(ca, w.c.ping, &note{n, "a"})
			Send(cb, other.ping, &note{n, "b"})
			if got := wait(t, "pong", a); got != (note{n, "a"}) {
				t.Fatalf("the first client got %+v", got)
			}
			if got := wait(t, "pong", b); got != (note{n, "b"}) {
				t.Fatalf("the second client got %+v", got)
			}
		}
	})
}

// One client with two servers that number differently; and the conn it defaults
// to.
func TestTwoServersWithDifferentIDs(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		second := newSide(false, 41, 40) // the client's ids, swapped
		server := NewServer(second.reg, &second.cfg)
		defer server.Close()
		if err := server.RunAsync(); err != nil {
			t.Fatal(err)
		}
		from := make(chan string, 1)
		for name, srv := range map[string]*Server{"first": w.server, "second": server} {
			HandleAny(srv, "test:ping", func(c *Conn, v any) error {
				from <- name
				return c.Reply("test:pong", v)
			})
		}
		pongs := inbox(t, w.client, w.c.pong, 1)
		_, first := w.handshake(t)
		next := connectAlso(t, w, server)
		exchange := func(to any, want string) {
			t.Helper()
			if err := w.client.Send(to, "test:ping", &note{1, want}); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, "ping", from); got != want {
				t.Errorf("the packet went to the %s server, want the %s", got, want)
			}
			if got := wait(t, "pong", pongs); got.Text != want {
				t.Errorf("got %q back", got.Text)
			}
		}
		for range 10 {
			exchange(first, "first")
			exchange(next, "second")
		}
		exchange(nil, "first")
		first.Softquit("reason.bye")
		for w.c.next(t, "lost").conn != first {
		}
		exchange(nil, "second")
	})
}

// connectAlso connects the world's client to one more server.
func connectAlso(t *testing.T, w *world, server *Server) *Conn {
	t.Helper()
	var c *Conn
	var err error
	if cc := w.client.Default(); cc.far != nil {
		c, err = (&MemoryClient{w.client}).Connect(t.Context(), server)
	} else {
		ln, e := server.Listen("127.0.0.1:0")
		if e != nil {
			t.Fatal(e)
		}
		c, err = (&Client{w.client}).Connect(t.Context(), ln.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	w.c.next(t, "made")
	return c
}

func TestLostIsToldOnce(t *testing.T) {
	ends := map[string]func(w *world, sc, cc *Conn){
		"both softquit": func(w *world, sc, cc *Conn) { sc.Softquit("a"); cc.Softquit("b") },
		"quit, abort":   func(w *world, sc, cc *Conn) { cc.Softquit("a"); cc.Abort(io.EOF); sc.Abort(io.EOF) },
		"abort, quit":   func(w *world, sc, cc *Conn) { cc.Abort(nil); cc.Softquit("a"); sc.Softquit("b") },
		"close":         func(w *world, sc, cc *Conn) { cc.Softquit("a"); w.client.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				sc, cc := w.handshake(t)
				end(w, sc, cc)
				w.s.next(t, "lost")
				w.c.next(t, "lost")
				w.client.Close()
				w.server.Close()
				nothing(t, "event", w.s.events)
				nothing(t, "event", w.c.events)
			})
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
			"zero handler": Handle(w.client, zero, func(*Conn, *note) error { return nil }),
			"foreign one":  Handle(w.client, w.s.ping, func(*Conn, *note) error { return nil }),
		} {
			if !errors.Is(err, ErrNoPacket) {
				t.Errorf("%s: %v, want ErrNoPacket", name, err)
			}
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
			errs <- w.server.Broadcast(w.s.pong, &note{1, ""})
		})
		if err := wait(t, "broadcast", errs); err != nil {
			t.Error(err)
		}
		wait(t, "pong", pongs)
	})
}
