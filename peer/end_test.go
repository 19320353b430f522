package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

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

// Close ends the conversation in order, as often as it is called.
func TestConnClose(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		pings := inbox(t, w.server, w.s.ping, 1)
		if err := Send(cc, w.c.ping, &note{N: 1}); err != nil {
			t.Fatal(err)
		}
		var closer io.Closer = cc
		for range 2 {
			if err := closer.Close(); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, "packet sent before Close", pings)
		for _, s := range []*side{w.s, w.c} {
			if e := s.next(t, "lost"); e.reason != ReasonGeneric {
				t.Errorf("lost because of %v, want %v", e.reason, ReasonGeneric)
			}
		}
		eventually(t, "both disconnected", func() bool {
			return cc.State() == Disconnected && sc.State() == Disconnected
		})
		if err := cc.Close(); err != nil {
			t.Errorf("Close of a conn that has ended: %v", err)
		}
		if err := (*Conn)(nil).Close(); !errors.Is(err, ErrNoConn) {
			t.Errorf("Close of no conn: %v", err)
		}
	})
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
		if err := cc.Untyped().Send("test:ping", 1); !errors.Is(err, ErrClosed) {
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
