package peer

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// stall holds the loop up for longer than any limit of these tests.
func stall(t *testing.T, p *Peer) {
	t.Helper()
	done := make(chan struct{})
	p.Reactor().Post(func() { time.Sleep(1200 * time.Millisecond); close(done) })
	wait(t, "end of a stall", done)
}

// A conn whose other side has spoken all the time is not ended because this side
// did not listen.
func TestStallsAreNotTheOtherSidesSilence(t *testing.T) {
	setUp := func(s, c *side) { s.cfg.Ping, s.cfg.Idle = -1, 500*time.Millisecond }
	everywhereAtOnce(t, setUp, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					Send(cc, w.c.ping, &note{})
				case <-stop:
					return
				}
			}
		}()
		stall(t, w.server.Peer)
		after := make(chan struct{})
		w.server.Reactor().After(600*time.Millisecond, func() { close(after) })
		wait(t, "the time after a stall", after)
		close(stop)
		<-stopped
		nothing(t, "event", w.s.events)
	})
}

// What arrived in time counts, whenever this side comes to read it.
func TestStallsWhileTheOtherSideIsBusy(t *testing.T) {
	t.Run("with the handshake", func(t *testing.T) {
		s := newSide(false, 17, 18)
		s.cfg.Handshake = 500 * time.Millisecond
		server := NewServer(s.reg, &s.cfg)
		ln := open(t, server)
		w := dialTo(t, ln)
		eventually(t, "a conn", func() bool { return server.Reactor().Conns() == 1 })
		server.Reactor().Post(func() { time.Sleep(1200 * time.Millisecond) })
		w.shake(3)
		s.next(t, "made")
	})
	t.Run("with a frame", func(t *testing.T) {
		s := newSide(false, 17, 18)
		s.cfg.FrameTime = 500 * time.Millisecond
		w := dialWire(t, s)
		w.shake(3)
		c := s.next(t, "made").conn
		got := make(chan struct{}, 1)
		c.Peer().Untyped().HandleRaw("test:ping", func(*Conn, []byte) error { got <- struct{}{}; return nil })
		whole := codec.AppendFrame(nil, 17, make([]byte, 900<<10)) // of several reads
		w.Write(whole[:5])
		eventually(t, "half a frame", func() (half bool) {
			c.Loop().Call(t.Context(), func() { half = c.partialFrame != nil })
			return half
		})
		go w.Write(whole[5:])
		stall(t, c.Peer())
		wait(t, "packet", got)
		nothing(t, "event", s.events)
	})
}
