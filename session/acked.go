package session

// WhenAcked: a program that keeps packets elsewhere too, such as in a store, finds out when the
// other side has them.

// ackWait is a function that waits until the other side has acknowledged packets.
type ackWait struct {
	number uint64 // of the last of them
	f      func(err error)
}

// WhenAcked has f called once: with nil when the other side has acknowledged all packets that
// were sent in the session before this call, or else with the reason for which the session has
// ended. After that reason, which is ErrExported if another process has the session, they may
// have arrived or not. f is called by the session's owner, on a loop, never before WhenAcked
// returns to a caller on that loop. Each call keeps f until then, so a caller asks once for many
// packets. For a session that is nil it is called at once, with ErrNoSession. Any goroutine may
// call it.
func (s *Session) WhenAcked(f func(err error)) {
	if f == nil {
		return
	}
	if s == nil {
		f(ErrNoSession)
		return
	}
	s.mu.Lock()
	err, acked := s.over, s.out.len() == 0
	if err == nil && !acked {
		s.whenAcked = append(s.whenAcked, ackWait{s.out.last(), f})
	}
	s.mu.Unlock()
	if err != nil || acked {
		s.onOwner(func() { s.call(func() { f(err) }) })
	}
}

// ackedCalls are the functions whose packets have been acknowledged. mu is held.
func (s *Session) ackedCalls() (calls []func()) {
	n := 0
	for ; n < len(s.whenAcked) && s.whenAcked[n].number <= s.out.acked; n++ {
		f := s.whenAcked[n].f
		calls = append(calls, func() { f(nil) })
	}
	if n > 0 {
		s.whenAcked = append([]ackWait(nil), s.whenAcked[n:]...)
	}
	return calls
}

// callAcked calls the functions whose packets have been acknowledged. By the owner.
func (s *Session) callAcked() {
	s.mu.Lock()
	calls := s.ackedCalls()
	s.mu.Unlock()
	s.callEach(calls)
}

// unackedCalls are all functions that still wait when the session ends. mu is held.
func (s *Session) unackedCalls(reason error) []func() {
	calls := s.ackedCalls()
	for _, w := range s.whenAcked {
		calls = append(calls, func() { w.f(reason) })
	}
	s.whenAcked = nil
	return calls
}
