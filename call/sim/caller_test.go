package sim

import (
	"context"
	"errors"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
)

// made is a call that was made.
type made struct {
	w         *world
	tag       uint64
	do        deed
	conn      *peer.Conn
	until     time.Duration // when its time is over, on the clock of its loop
	cancelled bool
	cancel    func() bool
	told      int
	handled   int
}

// call makes a call on some conn, in some way.
func (w *world) call() {
	if len(w.conns) == 0 {
		return
	}
	w.tags++
	c := w.someConn()
	m := &made{w: w, tag: w.tags, do: deed(w.IntN(int(deeds))), conn: c}
	if w.Chance(30) {
		m.do = answer
	}
	timeout := simtest.Pick(w.World, []time.Duration{0, 20 * time.Millisecond, time.Second, time.Minute})
	m.until = c.Loop().Time() + timeout
	if timeout == 0 { // of the config
		m.until = c.Loop().Time() + time.Second
	}
	which := w.slow
	if m.do != later && m.do != twice && m.do != forget {
		which = simtest.Pick(w.World, []call.Call[task, result]{w.now, w.reused, w.slow})
	}
	w.calls = append(w.calls, m)
	w.byTag[m.tag] = m
	w.Note("call %d on %d to do %d", m.tag, c.ID(), m.do)
	q := &task{m.tag, m.do}
	if w.Chance(25) && timeout == 0 {
		ctx, cancel := context.WithCancel(context.Background())
		m.cancel = func() bool { cancel(); return true }
		go func() {
			defer cancel()
			r, err := call.Do(ctx, c, which, q)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.waits = append(w.waits, func() { m.end(r, err) })
		}()
		w.Wait()
		return
	}
	if w.Chance(50) { // on the loop
		c.Loop().Post(func() { m.cancel = call.Go(c, which, q, timeout, m.end).Cancel })
		return
	}
	m.cancel = call.Go(c, which, q, timeout, m.end).Cancel
}

// cancelOne cancels a call that may be under way.
func (w *world) cancelOne() {
	for range 4 {
		if len(w.calls) == 0 {
			return
		}
		if m := simtest.Pick(w.World, w.calls); m.told == 0 && m.cancel != nil {
			w.Note("cancel %d", m.tag)
			if m.cancel() {
				m.cancelled = true
			}
			return
		}
	}
}

// end is what the call is told in the end.
func (m *made) end(r *result, err error) {
	w := m.w
	if w.sabotage == toldNever && w.Chance(5) {
		return
	}
	m.told++
	if w.sabotage == toldTwice && w.Chance(5) {
		m.told++
	}
	how, ok := m.judge(r, err)
	w.Note("end of %d: %s", m.tag, how)
	w.ends[how]++
	if !ok {
		w.Fail("call %d to do %d ended with %+v, %v", m.tag, m.do, r, err)
	}
}

// judge says how a call has ended, and whether there was a cause for that.
func (m *made) judge(r *result, err error) (how string, ok bool) {
	if err == nil {
		far := m.w.farParty(m.conn)
		answers := m.do == answer || m.do == later || m.do == twice
		return "answer", r.Tag == m.tag && answers && r.By == far
	}
	if r != nil {
		return "both", false
	}
	var size *peer.SizeError
	switch {
	case errors.Is(err, call.ErrTooMany):
		return "toomany", true
	case errors.Is(err, call.ErrTimeout):
		return "timeout", m.conn.Loop().Time() >= m.until || m.do == forget
	case errors.Is(err, context.Canceled):
		return "cancelled", m.cancelled
	case errors.Is(err, no):
		return "named", m.do == fail || m.do == refuse
	case errors.Is(err, call.ErrStopped):
		return "stopped", m.do == swallow
	case errors.Is(err, call.ErrInternal):
		return "internal", m.do == crash
	case errors.As(err, &size), errors.Is(err, peer.ErrBackpressure):
		return "refused", true
	case errors.Is(err, peer.ErrClosed), errors.Is(err, peer.ErrNotActive), errors.Is(err, engine.ErrOnLoop):
		return "unmade", m.conn.State() != peer.Active
	}
	return "lost", m.conn.State() != peer.Active
}

// farParty is the number of the party at the other end of a conn.
func (w *world) farParty(c *peer.Conn) int {
	for _, p := range w.parties {
		if p.base == w.far[c].Peer() {
			return p.no
		}
	}
	return -1
}
