package engine

// The end of a stream, whose net.Conn may hang, panic or call Goexit.

import (
	"time"

	"github.com/packetmq/packetmq/internal/guard"
)

// try calls a method of nc, which may panic or call Goexit.
func (s *stream) try(method func()) {
	guard.Call(method, func(v any) { s.r.logFailure(v) })
}

// Close implements Transport.
func (s *stream) Close() {
	s.ended = true
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.dropOut()
	s.more.Signal()
	s.mu.Unlock()
	if s.cur != nil {
		s.drop()
	}
	close(s.gone)
	go s.hangUp()
}

// hangUp closes nc, which may take its time: TLS has a last word to say.
func (s *stream) hangUp() {
	cut := time.AfterFunc(hangUpTime, func() {
		s.try(func() { s.nc.SetDeadline(time.Unix(1, 0)) })
	})
	defer s.hungUp(cut)
	s.try(func() { s.nc.Close() })
}

// hungUp counts the conn out when its goroutines have ended.
func (s *stream) hungUp(cut *time.Timer) {
	s.work.Wait()
	cut.Stop()
	for len(s.in) > 0 {
		s.release(<-s.in)
	}
	s.r.mu.Lock()
	delete(s.r.streams, s)
	s.r.cond.Broadcast()
	s.r.mu.Unlock()
}
