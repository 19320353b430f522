package peer

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// pausedInOnMade has the server pause each conn when it is made.
func pausedInOnMade(s *side) {
	made := s.cfg.OnMade
	s.cfg.OnMade = func(c *Conn) { c.PauseRead(); made(c) }
}

// littlePending has the sides keep little output, so that a sender is held back soon.
func littlePending(s, c *side) {
	for _, side := range []*side{s, c} {
		side.cfg.Engine = &engine.Config{MaxPending: 4 << 20, SoftPending: 2 << 20, SoftTime: patience, StallTime: patience}
	}
}

// While a conn is paused nothing of it is handled, and its sender is told that there is no
// more room. What the sender was allowed arrives afterwards, in order.
func TestAPausedConnHoldsItsSenderBack(t *testing.T) {
	setUp := func(s, c *side) { littlePending(s, c); pausedInOnMade(s) }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		var handled atomic.Int64
		last := make(chan int, 1)
		count := 0
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			if handled.Add(1); v.N != int(handled.Load()) {
				t.Errorf("packet %d came at place %d", v.N, handled.Load())
			}
			if v.Text == "last" {
				last <- v.N
			}
			return nil
		})
		sc, cc := w.handshake(t)
		fill := &note{Text: strings.Repeat("x", 60000)}
		for err := error(nil); err == nil; {
			fill.N = count + 1
			if err = Send(cc, w.c.ping, fill); err == nil {
				count++
			} else if !errors.Is(err, engine.ErrBackpressure) {
				t.Fatal(err)
			}
			if count > 64<<20/60000 {
				t.Fatal("nothing held the sender back")
			}
		}
		onLoop(t, sc, func() {})
		if n := handled.Load(); n != 0 {
			t.Errorf("%d packets were handled during the pause", n)
		}
		sc.ResumeRead()
		if err := SendWait(t.Context(), cc, w.c.ping, &note{count + 1, "last"}); err != nil {
			t.Fatal(err)
		}
		if n := wait(t, "last packet", last); n != int(handled.Load()) {
			t.Errorf("the last packet is %d, after %d", n, handled.Load())
		}
	})
}

// A plain socket can write what the kernel's buffers take, and no more until the conn goes
// on.
func TestAPlainSocketIsHeldBackByAPause(t *testing.T) {
	s := newSide(false, 17, 18)
	pausedInOnMade(s)
	got := make(chan int, 1<<16)
	w := dialWire(t, s)
	w.shake(3)
	c := s.next(t, "made").conn
	c.Peer().Untyped().HandleRaw("test:ping", func(_ *Conn, b []byte) error { got <- len(b); return nil })
	frame := codec.AppendFrame(nil, 17, make([]byte, 64<<10))
	sent, n := 0, 0
	for err := error(nil); err == nil; { // a machine that stands still ends this early, and proves less
		w.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if n, err = w.Write(frame); err == nil {
			sent++
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if sent > 64<<20/len(frame) {
			t.Fatal("the socket takes all that is written")
		}
	}
	nothing(t, "packet", got)
	t.Logf("the kernel took %d KiB", (sent*len(frame)+n)>>10)
	c.ResumeRead()
	w.SetWriteDeadline(time.Now().Add(patience))
	if _, err := w.Write(frame[n:]); err != nil {
		t.Fatal(err)
	}
	for range sent + 1 {
		if n := wait(t, "packet", got); n != 64<<10 {
			t.Errorf("a packet of %d bytes", n)
		}
	}
}

// A handler that pauses its conn is not called for the next packet, though that has been
// read already, and the conn answers all the same.
func TestNoPacketFollowsTheOneThatPauses(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var paused atomic.Bool
		got := make(chan int, 1000)
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			if paused.Load() {
				t.Error("a packet is handled during a pause")
			}
			paused.Store(true)
			c.PauseRead()
			c.PauseRead()
			got <- v.N
			return Reply(c, w.s.pong, v)
		})
		pongs := inbox(t, w.client, w.c.pong, 1000)
		sc, cc := w.handshake(t)
		const packets = 300    // more than a share of a turn
		onLoop(t, cc, func() { // in one write, where there are writes
			for n := range packets {
				if err := Send(cc, w.c.ping, &note{n, ""}); err != nil {
					t.Error(err)
				}
			}
		})
		for n := range packets {
			if v := wait(t, "packet", got); v != n {
				t.Fatalf("packet %d, want %d", v, n)
			}
			if v := wait(t, "answer", pongs); v.N != n {
				t.Fatalf("answer %d, want %d", v.N, n)
			}
			onLoop(t, sc, func() {})
			nothing(t, "packet", got)
			paused.Store(false)
			sc.ResumeRead() // takes both calls back
		}
	})
}

// Pauses by the handler and by another goroutine, thousands of them, neither lose, double
// nor reorder a byte, in either direction.
func TestTenThousandPausesKeepTheStream(t *testing.T) {
	pauses := 10000
	if testing.Short() || raceEnabled {
		pauses = 2000
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		done := make(chan uint64, 2)
		paused := make(chan *Conn, 1)
		go func() { // until the handler closes it
			for c := range paused {
				c.ResumeRead()
			}
		}()
		hash := fnv.New64a()
		handled := 0
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			io.WriteString(hash, v.Text)
			if handled++; v.N != handled {
				t.Errorf("packet %d came at place %d", v.N, handled)
			}
			if handled == pauses {
				close(paused)
				done <- hash.Sum64()
				return nil
			}
			c.PauseRead()
			paused <- c
			return Reply(c, w.s.pong, v)
		})
		back := fnv.New64a()
		Handle(w.client, w.c.pong, func(c *Conn, v *note) error {
			io.WriteString(back, v.Text)
			if v.N == pauses-1 {
				done <- back.Sum64()
			}
			return nil
		})
		_, cc := w.handshake(t)
		stop := make(chan struct{})
		go func() { // pauses the client's end at any moment
			defer close(stop)
			for cc.State() == Active {
				select {
				case <-stop:
					return
				default:
					cc.PauseRead()
					cc.ResumeRead()
				}
			}
		}()
		sent, answers := fnv.New64a(), uint64(0)
		for n := range pauses {
			if n == pauses-1 {
				answers = sent.Sum64()
			}
			text := strings.Repeat(string(rune('a'+n%26)), n%500)
			io.WriteString(sent, text)
			if err := SendWait(t.Context(), cc, w.c.ping, &note{n + 1, text}); err != nil {
				t.Fatal(err)
			}
		}
		want := map[uint64]bool{sent.Sum64(): true, answers: true}
		for range 2 {
			if h := wait(t, "end of the stream", done); !want[h] {
				t.Error("the bytes are not those that were sent")
			}
		}
		cc.Close()
		wait(t, "end of the pauses", stop)
	})
}

// The handshake is never paused: what is asked for before OnMade holds from OnMade on.
func TestAPauseBeforeOnMadeWaitsForIt(t *testing.T) {
	setUp := func(s, _ *side) { s.cfg.OnOpen = func(c *Conn) { c.PauseRead() } }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		sc, cc := w.handshake(t)
		if err := Send(cc, w.c.ping, &note{1, ""}); err != nil {
			t.Fatal(err)
		}
		onLoop(t, cc, func() {})
		onLoop(t, sc, func() {})
		nothing(t, "packet", pings)
		sc.ResumeRead()
		wait(t, "packet", pings)
	})
}

// The Python library may send its first packets before its finish. They wait too, in order,
// whole or in parts.
func TestPacketsBeforeTheFinishWaitDuringAPause(t *testing.T) {
	for _, early := range []bool{true, false} {
		for _, piece := range []int{1, 5, 1000} {
			p := newPatient(t, false)
			if early {
				p.c.PauseRead()
			} else {
				p.c.peer.cfg.OnMade = func(c *Conn) { p.made++; c.PauseRead() }
			}
			b := codec.AppendFrame(nil, registry.IDInit, initMsg{version: 1}.append(nil))
			b = codec.AppendFrame(b, registry.IDPubIDs, pubIDsMsg{adapt: true}.append(nil))
			for range 3 {
				b = codec.AppendFrame(b, 17, []byte{0xc0})
			}
			b = codec.AppendFrame(b, registry.IDFinish, []byte{0xc0})
			for len(b) > 0 {
				n := min(piece, len(b))
				p.feed(b[:n])
				b = b[n:]
			}
			if p.made != 1 || p.got != 0 || p.lost != 0 {
				t.Errorf("paused early %t, in pieces of %d: made %d times, %d packets, lost %d times: %v", early, piece, p.made, p.got, p.lost, p.why)
			}
			p.c.ResumeRead()
			if p.settle(); p.got != 3 || p.lost != 0 {
				t.Errorf("paused early %t, in pieces of %d: %d packets after the pause, lost %d times: %v", early, piece, p.got, p.lost, p.why)
			}
			p.v.Close()
		}
	}
}

// So they do where the program lets the other side in later.
func TestPacketsBeforeTheFinishAndADecisionWaitDuringAPause(t *testing.T) {
	for _, decidedAfter := range []int{0, 1, 2, 3, 4} { // frames that come before
		p := newPatient(t, false)
		var got []byte
		p.c.peer.cfg.Authenticate = func(*Conn, Credentials) error { return ErrDecideLater }
		p.c.peer.cfg.OnMade = func(c *Conn) { p.made++; c.PauseRead() }
		p.c.peer.Untyped().HandleRaw("app:ping", func(_ *Conn, b []byte) error { got = append(got, b...); return nil })
		p.feed(codec.AppendFrame(nil, registry.IDInit, initMsg{version: 1}.append(nil)))
		p.feed(codec.AppendFrame(nil, registry.IDPubIDs, pubIDsMsg{adapt: true}.append(nil)))
		for n := range 5 {
			if n == decidedAfter {
				if err := p.c.Decide(nil); err != nil {
					t.Fatal(err)
				}
			}
			if n == 3 {
				p.feed(codec.AppendFrame(nil, registry.IDFinish, []byte{0xc0}))
			} else {
				p.feed(codec.AppendFrame(nil, 17, []byte{byte(n)}))
			}
		}
		p.settle()
		if p.made != 1 || p.lost != 0 || len(got) != 0 {
			t.Errorf("decided after %d: made %d times, packets %v, lost %d times: %v", decidedAfter, p.made, got, p.lost, p.why)
		}
		p.c.ResumeRead()
		if p.settle(); string(got) != "\x00\x01\x02\x04" || p.lost != 0 {
			t.Errorf("decided after %d: packets %v, lost %d times: %v", decidedAfter, got, p.lost, p.why)
		}
		p.v.Close()
	}
}

// A pause holds from when PauseRead has noted it, although its goroutine may be interrupted
// before the engine is told, for long enough to read more than may wait.
func TestAPauseHoldsBeforeTheEngineIsTold(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		const packets = 60 // of 64 KiB
		got := make(chan int, packets)
		Handle(w.server, w.s.ping, func(_ *Conn, v *note) error { got <- v.N; return nil })
		sc, cc := w.handshake(t)
		sc.mark(pausedByProgram)
		text := strings.Repeat("x", 64<<10)
		for n := range packets {
			if err := Send(cc, w.c.ping, &note{n, text}); err != nil {
				t.Fatal(err)
			}
			onLoop(t, cc, func() {})
		}
		nothing(t, "packet", got)
		nothing(t, "event", w.s.events)
		sc.pauseLink()
		sc.ResumeRead()
		for n := range packets {
			if v := wait(t, "packet", got); v != n {
				t.Fatalf("packet %d, want %d", v, n)
			}
		}
	})
}

// Each way to end a paused conn from this side ends it, and OnLost is called once.
func TestAPausedConnCanBeEnded(t *testing.T) {
	for name, end := range map[string]func(w *world, c *Conn){
		"softquit": func(_ *world, c *Conn) { c.Softquit("reason.bye") },
		"close":    func(_ *world, c *Conn) { c.Close() },
		"abort":    func(_ *world, c *Conn) { c.Abort(io.ErrUnexpectedEOF) },
		"shutdown": func(w *world, _ *Conn) { go w.server.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) {
				pausedInOnMade(s)
				s.cfg.QuitGrace, c.cfg.QuitGrace = 10*patience, 10*patience // no time ends them
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				handled := inbox(t, w.server, w.s.ping, 1000)
				sc, cc := w.handshake(t)
				for n := range 500 {
					if err := Send(cc, w.c.ping, &note{n, strings.Repeat("x", 1000)}); err != nil {
						t.Fatal(err)
					}
				}
				onLoop(t, cc, func() {})
				end(w, sc)
				w.s.next(t, "lost")
				w.c.next(t, "lost")
				if name == "close" {
					sc.PauseRead() // does nothing any more
				}
				eventually(t, "end of the transport", func() bool { return sc.State() == Disconnected && w.server.Conn(sc.ID()) == nil })
				sc.ResumeRead()
				nothing(t, "event", w.s.events)
				nothing(t, "packet", handled)
			})
		})
	}
}

// What a paused conn's other side sent before it ended is handled after ResumeRead, and
// then the end is told.
func TestTheOtherSidesEndIsToldAfterAPause(t *testing.T) {
	everywhere(t, func(s, _ *side) { pausedInOnMade(s) }, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 100)
		sc, cc := w.handshake(t)
		for n := range 50 {
			if err := Send(cc, w.c.ping, &note{n, ""}); err != nil {
				t.Fatal(err)
			}
		}
		if err := cc.Softquit("reason.bye"); err != nil {
			t.Fatal(err)
		}
		w.c.next(t, "lost")
		nothing(t, "event", w.s.events)
		sc.ResumeRead()
		for n := range 50 {
			if v := wait(t, "packet", pings); v.N != n {
				t.Fatalf("packet %d, want %d", v.N, n)
			}
		}
		if e := w.s.next(t, "lost"); e.reason != Reason("reason.bye") {
			t.Errorf("lost: %v", e.reason)
		}
	})
}

// A socket that is closed, in order or with a reset, while its conn is paused ends the conn
// when it goes on at the latest.
func TestASocketThatIsClosedDuringAPauseEndsTheConn(t *testing.T) {
	for name, end := range map[string]func(nc *net.TCPConn){
		"FIN": func(nc *net.TCPConn) { nc.CloseWrite() },
		"RST": func(nc *net.TCPConn) { nc.SetLinger(0); nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			pausedInOnMade(s)
			w := dialWire(t, s)
			w.shake(3)
			c := s.next(t, "made").conn
			w.send(17, []byte{0xc0})
			end(w.Conn.(*net.TCPConn))
			c.ResumeRead()
			s.next(t, "lost")
		})
	}
}

// The times for a sign of life and for the rest of a frame stand still during a pause, and
// begin anew when it is over. Pings go on, so that the other side hears this one.
func TestClocksStandStillDuringAPause(t *testing.T) {
	const idle, frameTime = 90 * time.Second, DefaultFrameTime
	frame := codec.AppendFrame(nil, 17, []byte{0xc0})
	for name, test := range map[string]struct {
		said   []byte
		before time.Duration // from what was said to the pause
		pause  time.Duration
		limit  time.Duration
		why    error
	}{
		"silence":        {frame, 0, 5 * idle, idle, ErrIdle},
		"a short pause":  {frame, idle - 5*time.Second, 2 * time.Second, idle, ErrIdle},
		"half a frame":   {frame[:5], 0, 5 * idle, frameTime, ErrFrameTimeout},
		"for a moment":   {frame[:5], frameTime / 2, 2 * time.Second, frameTime, ErrFrameTimeout},
		"from the start": {nil, 0, 5 * idle, idle, ErrIdle},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, false)
			defer p.v.Close()
			p.greet(true)
			p.feed(test.said)
			step := 50 * time.Millisecond
			for range test.before / step {
				p.pass(step)
			}
			wrote := len(p.tape.out)
			p.c.PauseRead()
			for range test.pause / step {
				p.pass(step)
			}
			if p.lost != 0 {
				t.Fatalf("lost during the pause: %v", p.why)
			}
			if test.pause > DefaultPing && len(p.tape.out) == wrote {
				t.Error("no ping was sent during the pause")
			}
			p.c.ResumeRead()
			after := time.Duration(0)
			for ; p.lost == 0 && after < 2*test.limit; after += step {
				p.pass(step)
			}
			if after < test.limit || after > test.limit+2*engine.Tick+step || !errors.Is(p.why, test.why) {
				t.Errorf("lost %v after the pause: %v; want %v after %v", after, p.why, test.why, test.limit)
			}
		})
	}
}

// The round-trip time does not have the time of a pause in it.
func TestAPongThatWaitedIsNoRoundTripTime(t *testing.T) {
	p := newPatient(t, false)
	defer p.v.Close()
	p.greet(true)
	p.pass(time.Second)
	pong := codec.AppendFrame(nil, registry.IDPong, []byte{0xcf, 0, 0, 0, 0, 0, 0, 0, 1})
	p.c.PauseRead()
	p.pass(time.Second)
	p.c.ResumeRead()
	p.settle()
	p.feed(pong)
	if rtt := p.c.RTT(); rtt != 0 {
		t.Errorf("the round-trip time is %v", rtt)
	}
}

// Packets that came before a Decide wait for the end of a pause like all others.
func TestInputFromBeforeADecisionWaitsDuringAPause(t *testing.T) {
	var asked <-chan *Conn
	setUp := func(s, c *side) {
		asked = deciding(s)
		s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true
		pausedInOnMade(s)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		done := connecting(t, w)
		sc := wait(t, "question", asked)
		if err := wait(t, "Connect", done); err != nil {
			t.Fatal(err)
		}
		cc := w.c.next(t, "made").conn
		for n := range 3 {
			ping, _ := new(codec.Msgpack).Append([]byte{0, 17}, &note{n, strings.Repeat("x", 5000)})
			if err := cc.Untyped().SendEncoded(ping); err != nil {
				t.Fatal(err)
			}
		}
		onLoop(t, cc, func() {})
		if err := sc.Decide(nil); err != nil {
			t.Fatal(err)
		}
		w.s.next(t, "made")
		onLoop(t, sc, func() {})
		nothing(t, "packet", pings)
		sc.ResumeRead()
		for n := range 3 {
			if v := wait(t, "packet", pings); v.N != n {
				t.Errorf("packet %d, want %d", v.N, n)
			}
		}
	})
}

// A nil conn, one that was lost, and one that is not paused take the calls.
func TestPausesOfConnsThatHaveNone(t *testing.T) {
	var none *Conn
	none.PauseRead()
	none.ResumeRead()
	new(Conn).PauseRead()
	new(Conn).ResumeRead()
}
