package call

// The calls under way on one conn, in both directions: their ends by answer, deadline,
// cancellation, and with the conn.

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/peer"
)

// connSlot is where a conn has its connCalls. It is an identity, and never changes.
var connSlot = peer.NewSlot[*connCalls]()

// connCalls are the calls under way on a conn. A conn has them from its first call on that
// does not end before its handler returns.
type connCalls struct {
	// Set once.
	conn  *peer.Conn
	host  *host
	watch sync.Once // OnLost is set

	mu sync.Mutex

	// Guarded by mu.
	lost           error // why there will be no more calls; nil: there can be
	made, answered uint64
	pending        pendingCalls          // that this side made
	open           map[uint64]*laterCall // that the other side made, by their ids
	alarm          alarm                 // for the first deadline of both

	carried []carried    // whose requests have not come yet; loop only
	due     []waiting    // of onAlarm; loop only
	expired []*laterCall // of onAlarm; loop only
}

// alarm is a timer that is never later than the first deadline. It may be earlier: then it
// is set again when it goes off, so that calls that are answered in time cost no timer.
type alarm struct {
	timer *engine.Timer
	at    time.Duration // on the loop's clock; 0: it is not set
}

func callsOf(c *peer.Conn) *connCalls {
	s, ok := connSlot.Get(c)
	if !ok {
		s = connSlot.GetOrSet(c, func() *connCalls { return &connCalls{conn: c, host: hostOf(c.Peer())} })
	}
	s.watch.Do(func() {
		s.host.mu.Lock()
		s.host.conns[s] = struct{}{}
		s.host.mu.Unlock()
		c.OnLost(s.onLost)
	})
	return s
}

// begin takes in a call that this side makes, and returns its id.
func (s *connCalls) begin(call any, w waiting, deadline time.Duration) (id uint64, err error) {
	most := s.host.config.Load().UnderWay
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lost != nil:
		return 0, s.lost
	case s.pending.n >= most:
		s.host.stats.tooMany.Add(1)
		return 0, ErrTooMany
	}
	s.made++
	s.setAlarm(deadline)
	return s.pending.add(call, w, deadline), nil
}

// unmade takes back a call whose request could not be sent. It is false if the call has
// ended otherwise meanwhile.
func (s *connCalls) unmade(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.pending.lookup(id)
	if c == nil || c.call == nil {
		return false
	}
	s.made--
	s.pending.take(c, false)
	return true
}

// takeCancelled ends a call from the side that made it, and returns who waits for it: nil if
// the call has ended already.
func (s *connCalls) takeCancelled(id uint64) waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.pending.lookup(id)
	if c == nil || c.call == nil {
		return nil
	}
	return s.pending.take(c, false)
}

// answer ends a call by its answer, and returns who waits for it: nobody if the call has
// ended already.
func (s *connCalls) answer(id uint64, call any) (waiting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.pending.lookup(id)
	switch {
	case c == nil, c.call == nil && !c.answered:
		s.host.stats.late.Add(1)
	case c.call == nil:
		s.host.stats.duplicate.Add(1)
	case c.call != call:
		return nil, ErrOtherCall
	default:
		s.answered++
		return s.pending.take(c, true), nil
	}
	return nil, nil
}

// setAlarm sees that the alarm is not later than a deadline. s.mu is held.
func (s *connCalls) setAlarm(deadline time.Duration) {
	if deadline == never || s.alarm.at != 0 && s.alarm.at <= deadline {
		return
	}
	loop := s.conn.Loop()
	in := deadline - loop.Time()
	s.alarm.at = max(deadline, 1)
	if s.alarm.timer == nil {
		s.alarm.timer = loop.After(in, s.onAlarm)
	} else {
		s.alarm.timer.Reset(in)
	}
}

// onAlarm ends the calls whose deadline has come.
func (s *connCalls) onAlarm() {
	now := s.conn.Loop().Time()
	s.mu.Lock()
	s.alarm.at = 0
	var next, nextOpen time.Duration
	s.due, next = s.pending.takeDue(s.due[:0], now)
	s.expired, nextOpen = s.takeExpired(s.expired[:0], now)
	s.setAlarm(min(next, nextOpen))
	due, expired := s.due, s.expired
	s.due, s.expired = nil, nil // callbacks may end their goroutine
	s.mu.Unlock()
	s.host.stats.timedOut.Add(uint64(len(due)))
	s.host.stats.expired.Add(uint64(len(expired)))
	for _, l := range expired {
		l.end(context.DeadlineExceeded, ErrTimeout)
	}
	s.failAll(due, ErrTimeout)
	clear(due)
	clear(expired)
	s.due, s.expired = due, expired
}

// onLost ends all calls because the conn was lost.
func (s *connCalls) onLost(reason error) {
	err := lost(reason)
	s.mu.Lock()
	s.lost = err
	lost, _ := s.pending.takeDue(nil, never)
	open := s.open
	s.open = nil
	if s.alarm.timer != nil {
		s.alarm.timer.Stop()
	}
	for _, l := range open {
		l.over = err
	}
	s.mu.Unlock()

	s.host.mu.Lock()
	s.mu.Lock()
	s.host.stats.gone.made += s.made
	s.host.stats.gone.answered += s.answered
	s.mu.Unlock()
	delete(s.host.conns, s)
	s.host.mu.Unlock()

	s.host.stats.lost.Add(uint64(len(lost)))
	for _, l := range open {
		l.end(context.Canceled, err)
	}
	s.failAll(lost, err)
}

// failAll tells several calls of their end. The rest is told by a deferred function: if one
// of them panics or ends its goroutine, the others are told all the same.
func (s *connCalls) failAll(all []waiting, err error) {
	if len(all) == 0 {
		return
	}
	defer s.failAll(all[1:], err)
	s.tell(func() { all[0].fail(err) })
}

// tell calls a function of the program's, whose panic ends the conn as a handler's does.
func (s *connCalls) tell(fn func()) {
	guard.Call(fn, func(v any) {
		err := panicError(v)
		s.host.peer.Log(slog.LevelError, "function of call.Go failed", "conn", s.conn.ID(), "err", err)
		s.conn.Abort(err)
	})
}

// addTo adds the conn's counts.
func (s *connCalls) addTo(to *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.Made += s.made
	to.Answered += s.answered
	to.Waiting += s.pending.n
	to.Open += len(s.open)
}
