package peer

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// A server that is closed on its loop while sockets come in does not wait for
// itself.
func TestCloseOnTheLoopWhileSocketsComeIn(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if nc, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				defer nc.Close()
				<-server.Reactor().Done()
			}
		})
	}
	server.Reactor().Post(func() {
		server.Close()
	})
	wait(t, "end", server.Reactor().Done())
	wg.Wait()
}

// A side that has ended the conversation is not kept by frames that begin and
// do not end.
func TestSoftquitEndsDespiteHalfFrames(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.QuitGrace, s.cfg.FrameTime = 300*time.Millisecond, time.Hour
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	c.Softquit("reason.bye")
	w.expect(1)
	whole := codec.AppendFrame(nil, 17, []byte{0xc0})
	stop := make(chan struct{})
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.Write(whole[:5])
				w.Write(whole[5:])
				w.Write(whole[:5])
				w.Write(whole[5:])
			case <-stop:
				return
			}
		}
	}()
	defer close(stop)
	eventually(t, "disconnected", func() bool { return c.State() == Disconnected })
}

func TestConnectHeedsItsContextWhileTheReactorStands(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("127.0.0.1:0")
	run(t, server.Peer)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	client.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Connect(ctx, ln.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Connect of a stopped client: %v", err)
	}
}

func TestLimitsOfAPacketType(t *testing.T) {
	setUp := func(s, c *side) {
		s.reg.AddObject("test:small", 30, nil, registry.Limits(codec.Limits{Elements: 3}))
		c.reg.AddObject("test:small", 50, nil)
		s.reg.AddObject("test:large", 31, nil)
		c.reg.AddObject("test:large", 51, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 2)
		for _, name := range []string{"test:small", "test:large"} {
			HandleAny(w.server, name, func(c *Conn, v any) error { got <- v; return nil })
		}
		_, cc := w.handshake(t)
		cc.Send("test:large", []any{1, 2, 3, 4})
		cc.Send("test:small", []any{1, 2})
		wait(t, "packet", got)
		wait(t, "packet", got)
		cc.Send("test:small", []any{1, 2, 3, 4})
		if e := w.s.next(t, "lost"); !errors.Is(e.reason, codec.ErrElements) {
			t.Errorf("lost because of %v", e.reason)
		}
	})
}

// Replies of one callback that are more than fits are refused, and nothing is
// ended.
func TestRefuseHoldsForReplies(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Overflow = registry.Refuse
	s.cfg.Engine = &engine.Config{MaxPending: 256 << 10}
	w := dialWire(t, s)
	w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
	c := s.next(t, "made").conn
	refused := make(chan error, 1)
	c.Loop().Post(func() {
		chunk := make([]byte, 60<<10)
		for range 1000 {
			if err := c.ReplyRaw(s.pong.In(s.reg), chunk); err != nil {
				refused <- err
				return
			}
		}
		refused <- nil
	})
	if err := wait(t, "refusal", refused); !errors.Is(err, ErrBackpressure) {
		t.Errorf("got %v", err)
	}
	for range 4 {
		w.expect(18)
	}
	if c.State() != Active {
		t.Errorf("it is %v", c.State())
	}
}

func TestOwnMaxFrameBoundsSends(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.MaxFrame = 2000
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	var se *SizeError
	if err := c.SendRaw(s.pong.In(s.reg), make([]byte, 1999)); !errors.As(err, &se) || se.Max != 2000 {
		t.Errorf("a frame of 2001 bytes: %v", err)
	}
}

func TestEndlessHandshakeTime(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Handshake = 1<<63 - 1
	w := listenWire(t, s)()
	w.expect(0)
	passed := make(chan struct{})
	time.AfterFunc(600*time.Millisecond, func() { close(passed) })
	wait(t, "some ticks", passed)
	w.shake(0)
	w.send(0, initMsg{version: 1}.append(nil))
	w.expect(2)
}

func TestInternalPacketsBypassTheState(t *testing.T) {
	s := newSide(false, 17, 18)
	if _, err := s.reg.AddInternal("packetmq:early", 9, nil); err != nil {
		t.Fatal(err)
	}
	got := make(chan any, 1)
	s.cfg.OnPacket = func(_ *Conn, typ *registry.Type, v any) error { got <- v; return nil }
	w := listenWire(t, s)()
	w.expect(0)
	w.send(9, []byte{0x2a})
	if v := wait(t, "packet", got); v != int64(42) {
		t.Errorf("got %v", v)
	}
	w.send(0, initMsg{version: 1}.append(nil))
	w.expect(2) // it went on: internal packets are no violation
	nothing(t, "event", s.events)
}

func TestLongInternalPackets(t *testing.T) {
	s := newSide(false, 17, 18)
	w := listenWire(t, s)()
	w.shake(3)
	s.next(t, "made")
	w.send(1, softquitMsg{Reason(strings.Repeat("x", maxReason))}.append(make([]byte, 0, 5000))[:5000])
	if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonProtocol) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestReasonsAreText(t *testing.T) {
	for _, reason := range []string{strings.Repeat("ü", 400), "\xff\xfe", "a" + strings.Repeat("ü", 400)} {
		m, err := parseSoftquit(softquitMsg{Reason(reason)}.append(nil))
		if err != nil || !utf8.ValidString(string(m.reason)) || len(m.reason) > maxReason {
			t.Errorf("%.10q became %.10q, %v", reason, m.reason, err)
		}
	}
}

func TestTooManyNamesForTheWire(t *testing.T) {
	s := newSide(false, 17, 18)
	for i := range 2000 {
		name := "test:" + strings.Repeat("x", 50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		if _, err := s.reg.AddObject(name, 100+i, nil); err != nil {
			t.Fatal(err)
		}
	}
	w := listenWire(t, s)()
	w.expect(0)
	w.send(0, initMsg{version: 1}.append(nil))
	var se *SizeError
	if e := s.next(t, "lost"); !errors.As(e.reason, &se) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestServerOnSeveralPorts(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	var addrs []string
	for range 3 {
		ln, err := server.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, ln.Addr().String())
	}
	run(t, server.Peer)
	for _, addr := range addrs {
		c := newSide(true, 40, 41)
		client := NewClient(c.reg, &c.cfg)
		run(t, client.Peer)
		if _, err := client.Connect(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
		s.next(t, "made")
	}
	if n := server.NumConns(); n != 3 {
		t.Errorf("%d conns", n)
	}
}

func TestClientComesBackOnlyWhenAsked(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	asked := make(chan error, 10)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: time.Millisecond, Again: func(reason error) bool {
		asked <- reason
		return reason != Reason("reason.kicked")
	}}
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("127.0.0.1:0")
	run(t, server.Peer)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	if _, err := client.Connect(t.Context(), ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s.next(t, "made").conn.Softquit("reason.restart")
	wait(t, "question", asked)
	s.next(t, "lost")
	s.next(t, "made").conn.Softquit("reason.kicked")
	if r := wait(t, "question", asked); r != Reason("reason.kicked") {
		t.Errorf("asked about %v", r)
	}
	s.next(t, "lost")
	// Nor after an end of its own.
	conn, err := client.Connect(t.Context(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort(errors.New("left"))
	s.next(t, "made")
	s.next(t, "lost")
	settled := make(chan struct{})
	client.Reactor().After(100*time.Millisecond, func() { close(settled) })
	wait(t, "timer", settled)
	nothing(t, "conn", s.events)
	nothing(t, "question", asked)
}

// A slow reader gets everything that was sent before the end, however short the
// graces are, by a softquit from here, from there, and by Shutdown.
func TestSlowReadersGetEverything(t *testing.T) {
	const size, packets = 90_000, 100
	for _, by := range []string{"ours", "theirs", "shutdown"} {
		t.Run(by, func(t *testing.T) {
			s := newSide(false, 17, 18)
			s.cfg.QuitGrace = 300 * time.Millisecond
			s.cfg.Engine = &engine.Config{MaxPending: 64 << 20}
			server := NewServer(s.reg, &s.cfg)
			ln := open(t, server)
			w := dialTo(t, ln)
			w.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			w.shake(3)
			c := s.next(t, "made").conn
			for range packets {
				if err := c.SendRaw(s.pong.In(s.reg), make([]byte, size)); err != nil {
					t.Fatal(err)
				}
			}
			down := make(chan error, 1)
			switch by {
			case "ours":
				c.Softquit("reason.bye")
			case "theirs":
				w.send(1, softquitMsg{"reason.bye"}.append(nil))
			case "shutdown":
				go func() { down <- server.Shutdown(t.Context()) }()
			}
			pace := time.NewTicker(15 * time.Millisecond) // 1.5 s for all: five graces
			defer pace.Stop()
			got := 0
			for f := w.recv(); f != nil; f = w.recv() {
				if f.ID() == 18 {
					got++
				}
				<-pace.C
			}
			w.Close()
			if got != packets {
				t.Errorf("%d packets of %d arrived", got, packets)
			}
			if by == "shutdown" {
				if err := wait(t, "shutdown", down); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			}
			s.next(t, "lost")
		})
	}
}

func TestRegistryChangesDoNotReachOpenConns(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		s := w.s.reg
		if _, err := s.AddObject("test:late", 30, nil, registry.Late()); err != nil {
			t.Fatal(err)
		}
		if err := sc.Send("test:late", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet that the other side was not told: %v", err)
		}
		if err := s.Remove("test:pong"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddObject("test:other", 18, nil, registry.Late()); err != nil {
			t.Fatal(err)
		}
		if err := sc.Send("test:other", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet under the id of another: %v", err)
		}
	})
}

func TestAbortInAHandlerIsTheLast(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		calls := 0
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			calls++
			c.Abort(errors.New("enough"))
			return nil
		})
		_, cc := w.handshake(t)
		cc.Loop().Post(func() {
			for n := range 100 {
				Reply(cc, w.c.ping, &note{n, ""})
			}
		})
		w.s.next(t, "lost")
		if calls != 1 {
			t.Errorf("the handler was called %d times", calls)
		}
	})
}

// Hooks that transform all bytes see all packets of the program, and none of
// the handshake.
func TestBytesTransformedByHooks(t *testing.T) {
	flipped := func(_ *Conn, raw []byte) ([]byte, error) {
		out := append([]byte(nil), raw...)
		flip(out[codec.IDSize:])
		return out, nil
	}
	setUp := func(s, c *side) {
		s.cfg.EncodedIn, s.cfg.EncodedOut = flipped, flipped
		c.cfg.EncodedIn, c.cfg.EncodedOut = flipped, flipped
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

// burst is a transport that breaks when it is written to.
type burst struct{ engine.Transport }

func (b *burst) Write(out *engine.Buffer) error {
	b.Transport.Write(out)
	panic("in a transport")
}

func TestWrapThatFails(t *testing.T) {
	for name, wrap := range map[string]func(*Conn, engine.Transport) engine.Transport{
		"nil":   func(*Conn, engine.Transport) engine.Transport { return nil },
		"panic": func(*Conn, engine.Transport) engine.Transport { panic("in Wrap") },
		"panic on the way": func(_ *Conn, inner engine.Transport) engine.Transport {
			return &burst{inner}
		},
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) { s.cfg.Wrap = wrap }
			everywhere(t, setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if (err == nil) != (name == "nil") {
					t.Errorf("Connect: %v", err)
				}
			})
		})
	}
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
			HandleAny(w.client, name, func(c *Conn, v any) error { got <- v; return nil })
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
				sc.Reply("test:inner", "first")
				sc.Reply("test:speak", &speaker{func() { sc.ReplyRaw(inner, raw) }})
				sc.Reply("test:inner", "last")
			})
			for _, want := range []string{"first", "out", text, "last"} {
				if v := wait(t, "packet", got); v != want {
					t.Errorf("got %.10v, want %.10s", v, want)
				}
			}
		}
	})
}

func TestIdleBelowPing(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Idle = 300 * time.Millisecond // with heartbeats every 30 s
	w := dialWire(t, s)
	w.shakeWith(initMsg{version: 1, beats: true})
	s.next(t, "made")
	if e := s.next(t, "lost"); !errors.Is(e.reason, ErrIdle) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestStateSetByHandStopsTheHandshakeClock(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Handshake = 50 * time.Millisecond
	opened := make(chan *Conn, 1)
	s.cfg.Wrap = func(c *Conn, inner engine.Transport) engine.Transport {
		c.SetState(Active)
		opened <- c
		return inner
	}
	listenWire(t, s)()
	c := wait(t, "conn", opened)
	passed := make(chan struct{})
	c.Loop().After(time.Second, func() { close(passed) })
	wait(t, "a second", passed)
	if c.State() != Active {
		t.Errorf("it is %v", c.State())
	}
	nothing(t, "event", s.events)
}
