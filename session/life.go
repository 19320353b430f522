package session

// The life of a session: conns that carry it one after the other, the times between them, and
// its end.

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/peer"
)

// take brings the session to the loop of k, and calls then there. No conn carries the session
// by then: if one did, it has ended with ReasonSuperseded. Claims have numbers, of which a
// higher one is newer: one that is not newer than all before it ends its conn instead. may is
// asked before anything changes. take is called on the loop of k.
//
// The old owner hands the session over by a function that it posts, so that all that it did for
// the session is over. If a claim of another conn was there first, take begins anew.
func (s *Session) take(k *carrier, number uint64, may func() bool, then func()) {
	owner, to := s.Loop(), k.conn.Loop()
	if owner == to {
		if s.yields(k, number, may) {
			then()
		}
		return
	}
	s.host.post(owner, func() {
		if !s.isOwner(owner) {
			s.host.post(to, func() {
				if !k.lost {
					s.take(k, number, may, then)
				}
			})
			return
		}
		if !s.yields(k, number, may) {
			return
		}
		s.stopWaiting()
		s.mu.Lock()
		s.loop = to
		s.mu.Unlock()
		s.host.post(to, func() { s.arrive(k, number, may, then) })
	})
}

// arrive ends take on the loop of k, which has become the owner. Since then the session may have
// been given to a newer claim, or may have ended.
func (s *Session) arrive(k *carrier, number uint64, may func() bool, then func()) {
	if !s.isOwner(k.conn.Loop()) || s.claim != number {
		k.conn.Softquit(ReasonSuperseded)
		return
	}
	if may() {
		then()
	}
}

// yields reports whether a claim may have the session, which no conn carries then.
func (s *Session) yields(k *carrier, number uint64, may func() bool) bool {
	if !may() {
		return false
	}
	if number <= s.claim {
		k.conn.Softquit(ReasonSuperseded)
		return false
	}
	s.claim = number
	s.supersede()
	return true
}

// supersede ends the conns that carry the session, or are about to.
func (s *Session) supersede() {
	if k := s.candidate; k != nil {
		s.candidate, k.over = nil, true
		k.session.Store(nil)
		k.conn.Softquit(ReasonSuperseded)
	}
	if k := s.detach(); k != nil {
		k.session.Store(nil)
		k.conn.Softquit(ReasonSuperseded)
		s.startWaiting()
		s.callEach(s.awayCalls(ErrSuperseded))
	}
}

// detach takes the session off the conn that carries it. Nothing that comes on that conn, or
// becomes of it, has to do with the session any more. It returns nil if there is no such conn.
func (s *Session) detach() *carrier {
	s.mu.Lock()
	k := s.carrier
	s.carrier = nil
	s.steps++
	s.mu.Unlock()
	if k != nil {
		k.live, k.over = false, true
		s.in = k.in
	}
	return k
}

// attach has the conn carry the session. tell, which tells the other side so, is called before
// anything else is sent. What it returns ends the session.
func (s *Session) attach(k *carrier, theirs window, tell func() error) error {
	k.in, k.told, k.unackBytes = s.in, s.in, 0
	if s.keeper() != nil {
		k.told, k.again = s.copies.known, s.in-s.copies.known
	}
	k.ackPackets = min(uint64(s.cfg.AckPackets), uint64(max(theirs.packets/4, 1)))
	k.ackBytes = min(s.cfg.AckBytes, int(max(theirs.bytes/4, 1)))
	k.session.Store(s)
	k.live = true
	s.stopWaiting()
	s.away = false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carrier, s.theirs = k, theirs
	s.steps++
	s.out.resend()
	if err := tell(); err != nil { // lose will be called
		k.conn.Abort(err)
		return nil
	}
	return s.pump(k)
}

// connLost is called when a conn is lost that carries the session, or is about to.
func (s *Session) connLost(k *carrier, reason error) {
	if !s.isOwner(k.conn.Loop()) {
		return // another conn has taken it over
	}
	if s.host.peer.Lifetime().Err() != nil {
		s.finish(peer.ErrClosed, false)
		return
	}
	superseded := s.server == nil && errors.Is(reason, ReasonSuperseded)
	if s.candidate == k {
		s.candidate = nil
		s.startWaiting()
	} else if s.carries(k) {
		s.detach()
		s.startWaiting()
		defer s.callEach(s.awayCalls(reason))
	}
	if superseded {
		s.onOwner(func() { s.finish(ErrSuperseded, false) }) // after OnAway
	}
}

func (s *Session) carries(k *carrier) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.carrier == k
}

// isFrozen reports whether the session is being given to another process.
func (s *Session) isFrozen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frozen
}

// startWaiting has the session end when it has been away for Config.Away, unless it is waiting
// already.
func (s *Session) startWaiting() {
	if s.wait != nil || s.isFrozen() { // thaw will call it
		return
	}
	s.mu.Lock()
	s.steps++
	steps, loop := s.steps, s.loop
	s.mu.Unlock()
	now := loop.Time()
	if !s.away {
		s.away, s.awaySince = true, now
	}
	s.wait = loop.After(s.cfg.Away-(now-s.awaySince), func() { s.expire(steps) })
}

// stopWaiting takes startWaiting back.
func (s *Session) stopWaiting() {
	if s.wait != nil {
		s.wait.Stop()
		s.wait = nil
	}
}

// expire ends the session if nothing has become of it since steps.
func (s *Session) expire(steps uint64) {
	s.mu.Lock()
	stale := s.steps != steps
	s.mu.Unlock()
	if !stale {
		s.finish(ErrExpired, false)
	}
}

// acked drops what the other side has got.
func (s *Session) acked(k *carrier, n uint64) {
	if s.server != nil {
		s.confirm()
	}
	s.mu.Lock()
	ok := s.out.ack(n)
	var err error
	if ok {
		err = s.pump(k)
	}
	calls := s.ackedCalls()
	s.mu.Unlock()
	if !ok {
		err = ErrCount
	}
	if err != nil {
		defer s.finish(err, true)
	}
	s.callEach(calls)
}

// endedThere ends the session because the other side has.
func (s *Session) endedThere(k *carrier, m *end) {
	s.mu.Lock()
	s.out.ack(m.received)
	s.mu.Unlock()
	if m.reason == string(ReasonCount) {
		s.finish(ErrCount, false)
		return
	}
	s.finish(peer.Reason(m.reason), false)
}

// End ends the session on both sides: OnEnd is called, at the other side when the word has
// got there, with the reason. What was sent before arrives before it, except what waited because
// the conn had no room, and if the session is away. Then a client finds out when it comes back,
// and a server when the session expires. An empty reason means
// peer.ReasonGeneric. The conn goes on at the server, and ends at the client, for which it
// was made.
//
// It returns ErrEnded if the session has ended.
func (s *Session) End(reason peer.Reason) error {
	if s == nil {
		return ErrNoSession
	}
	if s.hasEnded() {
		return ErrEnded
	}
	if reason == "" {
		reason = peer.ReasonGeneric
	}
	s.onOwner(func() { s.finish(reason, true) })
	return nil
}

// finish ends the session, unless it has ended. tell says whether the other side is told.
func (s *Session) finish(reason error, tell bool) {
	s.mu.Lock()
	stays := s.frozen && reason != ErrExported // until it is known whether another process has it
	if stays && s.overDue == nil {
		s.overDue = reason
	}
	if stays || s.over != nil {
		s.mu.Unlock()
		return
	}
	s.over = reason
	var unacked []Packet
	if reason != ErrExported { // the other process has them
		unacked = s.out.packets()
	}
	calls := s.unackedCalls(reason)
	s.out.clear()
	lost := s.onLost
	s.onLost, s.onAway, s.onBack = nil, nil, nil
	s.mu.Unlock()
	candidate, k := s.candidate, s.detach()
	s.candidate = nil
	s.stopWaiting()
	if candidate != nil {
		candidate.over = true
		s.leave(candidate)
	}
	if k != nil {
		if tell {
			m := end{k.in, wordOf(reason)}
			if k.conn.SendExtension(Feature, m.append(nil)) != nil { // it has no room for it
				k.conn.Softquit(ReasonOver)
			}
		}
		s.leave(k)
	}
	s.host.remove(s)
	if s.server != nil {
		s.server.remove(s)
	}
	s.host.counters.ended.Add(1)
	s.forgetCopy(reason)
	s.setBegun()
	for _, f := range lost {
		calls = append(calls, func() { (*f)(reason) })
	}
	if f := s.cfg.OnEnd; f != nil {
		calls = append(calls, func() { f(s, reason, unacked) })
	}
	s.callEach(calls)
}

// leave ends a client's conn when its session has ended.
func (s *Session) leave(k *carrier) {
	k.session.Store(nil)
	if s.server == nil && s.host.peer.Lifetime().Err() == nil {
		k.conn.Softquit(ReasonOver)
	}
}

// wordOf is what the other side is told of why a session ends.
func wordOf(reason error) string {
	var word peer.Reason
	if errors.As(reason, &word) {
		return string(word)
	}
	if errors.Is(reason, ErrCount) {
		return string(ReasonCount)
	}
	return string(peer.ReasonUnknown)
}

// call calls a function of the program's. A panic is logged, and ends nothing.
func (s *Session) call(f func()) {
	guard.Call(f, func(v any) {
		s.host.peer.Log(slog.LevelError, "session's function panicked", "session", s.ID(), "panic", v, "stack", string(debug.Stack()))
	})
}

// callEach calls functions one after the other. The rest is called by a deferred function: if
// one of them ends its goroutine, the others are called all the same.
func (s *Session) callEach(fns []func()) {
	if len(fns) == 0 {
		return
	}
	defer s.callEach(fns[1:])
	s.call(fns[0])
}

// awayCalls are the functions that are told that the session has lost its conn.
func (s *Session) awayCalls(reason error) (calls []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.onAway {
		calls = append(calls, func() { (*f)(reason) })
	}
	if f := s.cfg.OnAway; f != nil {
		calls = append(calls, func() { f(s, reason) })
	}
	return calls
}

// backCalls are the functions that are told that a conn carries the session again.
func (s *Session) backCalls() (calls []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gap := max(s.loop.Time()-s.awaySince, 0)
	for _, f := range s.onBack {
		calls = append(calls, func() { (*f)(gap) })
	}
	if f := s.cfg.OnBack; f != nil {
		calls = append(calls, func() { f(s, gap) })
	}
	return calls
}

// OnLost has f called once when the session ends, by its owner, before Config.OnEnd. If it
// has ended already, f is called soon. stop takes f back, and reports whether that was in
// time. It makes a session a member of rooms.
func (s *Session) OnLost(f func(reason error)) (stop func() bool) {
	if s == nil || f == nil {
		return func() bool { return false }
	}
	s.mu.Lock()
	over := s.over
	if over == nil {
		s.onLost = append(s.onLost, &f)
	}
	s.mu.Unlock()
	if over != nil {
		s.onOwner(func() { s.call(func() { f(over) }) })
		return func() bool { return false }
	}
	return func() bool { return takeBack(s, &s.onLost, &f) }
}

// OnAway has f called each time that the session has lost its conn, before Config.OnAway, with
// the same reason. stop ends that; a call that is under way goes on.
func (s *Session) OnAway(f func(reason error)) (stop func() bool) {
	return hear(s, func() *[]*func(error) { return &s.onAway }, f)
}

// OnBack has f called each time that a conn carries the session again, before Config.OnBack.
// stop ends that; a call that is under way goes on.
func (s *Session) OnBack(f func(gap time.Duration)) (stop func() bool) {
	return hear(s, func() *[]*func(time.Duration) { return &s.onBack }, f)
}

func hear[A any](s *Session, list func() *[]*func(A), f func(A)) (stop func() bool) {
	if s == nil || f == nil {
		return func() bool { return false }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return func() bool { return false }
	}
	l := list()
	*l = append(*l, &f)
	return func() bool { return takeBack(s, l, &f) }
}

func takeBack[A any](s *Session, list *[]*func(A), own *func(A)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(*list)
	*list = slices.DeleteFunc(slices.Clone(*list), func(f *func(A)) bool { return f == own })
	return len(*list) < n
}
