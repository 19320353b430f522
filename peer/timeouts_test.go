package peer

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

func TestHeartbeatsKeepAConnAndTellItsRTT(t *testing.T) {
	setUp := func(s, c *side) { s.cfg.Ping, c.cfg.Ping = 300*time.Millisecond, 300*time.Millisecond }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		eventually(t, "round-trip times", func() bool { return sc.RTT() > 0 && cc.RTT() > 0 })
		if sc.State() != Active || cc.State() != Active {
			t.Errorf("states are %v and %v", sc.State(), cc.State())
		}
		nothing(t, "event", w.s.events)
	})
}

func TestSilentPeerIsEnded(t *testing.T) {
	for name, test := range map[string]struct {
		ping, idle time.Duration
		beats      bool
	}{
		"knows heartbeats": {50 * time.Millisecond, 0, true},
		"idle time":        {-1, 100 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			s.cfg.Ping, s.cfg.Idle = test.ping, test.idle
			w := dialWire(t, s)
			w.shakeWith(initMsg{version: 1, beats: test.beats})
			s.next(t, "made")
			if r := w.quitReason(); r != ReasonTimeout {
				t.Errorf("told %v", r)
			}
			if e := s.next(t, "lost"); !errors.Is(e.reason, ErrIdle) {
				t.Errorf("lost because of %v", e.reason)
			}
		})
	}
}

// An original that says nothing for long is left alone.
func TestOriginalsMayBeSilent(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Ping = 10 * time.Millisecond
	w := dialWire(t, s)
	w.shake(3)
	c := s.next(t, "made").conn
	looked := make(chan struct{})
	c.Loop().After(time.Second, func() { close(looked) })
	wait(t, "a second", looked)
	if c.State() != Active {
		t.Errorf("it is %v", c.State())
	}
	nothing(t, "event", s.events)
}

func TestHalfAFrameIsNotWaitedForForEver(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.FrameTime = 300 * time.Millisecond
	w := dialWire(t, s)
	w.shake(3)
	c := s.next(t, "made").conn
	got := make(chan struct{}, 1)
	c.Peer().Untyped().HandleRaw("test:ping", func(*Conn, []byte) error { got <- struct{}{}; return nil })
	whole := codec.AppendFrame(nil, 17, []byte{0xc0})
	for range 3 { // in two halves, but in time
		w.Write(whole[:5])
		w.Write(whole[5:])
		wait(t, "packet", got)
	}
	w.Write(whole[:5])
	if r := w.quitReason(); r != ReasonTimeout {
		t.Errorf("told %v", r)
	}
	if e := s.next(t, "lost"); !errors.Is(e.reason, ErrFrameTimeout) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestBadHeartbeats(t *testing.T) {
	for name, frame := range map[string][]byte{
		"long ping":    codec.AppendFrame(nil, registry.IDPing, make([]byte, 100)),
		"strange pong": codec.AppendFrame(nil, registry.IDPong, []byte{0xc0}),
	} {
		s := newSide(false, 17, 18)
		w := dialWire(t, s)
		w.shakeWith(initMsg{version: 1, beats: true})
		s.next(t, "made")
		w.Write(frame)
		if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonProtocol) {
			t.Errorf("%s: lost because of %v", name, e.reason)
		}
	}
}

func TestOverflowPolicies(t *testing.T) {
	const bound = 256 << 10
	for name, test := range map[string]struct {
		policy registry.Overflow
		err    error
		ends   bool
	}{
		"close":       {0, engine.ErrSlowConsumer, true},
		"refuse":      {registry.Refuse, ErrBackpressure, false},
		"drop newest": {registry.DropNewest, nil, false},
		"drop oldest": {registry.DropOldest, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			s.cfg.Overflow = test.policy
			s.cfg.Engine = &engine.Config{MaxPending: bound, SoftPending: bound / 2}
			pressed, late := make(chan bool, 1000), make(chan bool, 1000)
			lost, tell := false, s.cfg.OnLost
			s.cfg.OnLost = func(c *Conn, reason error) { lost = true; tell(c, reason) }
			s.cfg.OnPressure = func(_ *Conn, above bool) {
				if lost {
					late <- above
				}
				pressed <- above
			}
			w := dialWire(t, s)
			w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
			c := s.next(t, "made").conn
			chunk := make([]byte, 16<<10)
			typ := s.pong.In(s.reg)
			taken := 0
			send := func(n int) error {
				binary.BigEndian.PutUint32(chunk, uint32(n))
				err := c.SendRaw(typ, chunk)
				if err == nil {
					taken++
				}
				if p := c.Pending(); p > 2*bound {
					t.Fatalf("%d bytes pending, bound is %d", p, bound)
				}
				return err
			}
			// Until the kernel takes no more, and then until there is no room
			// here.
			n, above := 0, false
			var err error
			for full := false; !full; n++ {
				select {
				case above = <-pressed:
				default:
				}
				err = send(n)
				full = test.ends && err != nil || above && (err != nil || c.Dropped() > 0)
				if err != nil || c.Pending() > bound/2 {
					runtime.Gosched() // the loop wants to write
				}
			}
			if !errors.Is(err, test.err) {
				t.Fatalf("after %d packets: %v, want %v", n, err, test.err)
			}
			if test.ends {
				if e := s.next(t, "lost"); !errors.Is(e.reason, engine.ErrSlowConsumer) {
					t.Errorf("lost because of %v", e.reason)
				}
				return
			}
			// One more, and the other side reads everything that is left.
			last := send(1 << 30)
			c.Softquit("reason.bye")
			var got []int
			for {
				f := w.recv()
				if f == nil || f.ID() == registry.IDSoftquit {
					break
				}
				got = append(got, int(binary.BigEndian.Uint32(f[2:])))
			}
			for i := 1; i < len(got); i++ {
				if got[i] <= got[i-1] {
					t.Fatalf("packet %d after packet %d", got[i], got[i-1])
				}
			}
			tail := got[len(got)-1]
			switch test.policy {
			case registry.DropOldest:
				if tail != 1<<30 || last != nil {
					t.Errorf("the newest packet did not arrive: %x, %v", tail, last)
				}
				if want := taken - int(c.Dropped()); len(got) != want {
					t.Errorf("%d packets arrived, want %d", len(got), want)
				}
			case registry.Refuse:
				if len(got) != taken {
					t.Errorf("%d packets arrived of %d that were taken", len(got), taken)
				}
			}
			w.Close()
			s.next(t, "lost")
			nothing(t, "relief after the end", late)
		})
	}
}

func TestSlowConsumerOverTheSoftBound(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Engine = &engine.Config{SoftPending: 64 << 10, SoftTime: 50 * time.Millisecond}
	w := dialWire(t, s)
	w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
	c := s.next(t, "made").conn
	for range 7 { // what the kernel does not take is over the soft bound
		if c.SendRaw(s.pong.In(s.reg), make([]byte, 1<<20-codec.IDSize)) != nil {
			break // ended already
		}
	}
	if e := s.next(t, "lost"); !errors.Is(e.reason, engine.ErrSlowConsumer) {
		t.Errorf("lost because of %v", e.reason)
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
		c.Untyped().SetState(Active)
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
