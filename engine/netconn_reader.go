package engine

// The reading goroutine of a stream.

import (
	"io"
	"slices"

	"github.com/packetmq/packetmq/internal/guard"
)

// read reads until nc has no more. While the channel is full it does not read, which
// slows the other side down.
func (s *stream) read() {
	defer func() {
		if s.err != nil {
			s.over.Store(true)
			close(s.in)
			s.sink.Wake(nil)
		}
	}()
	guard.Call(func() { s.err = s.readAll() }, func(v any) { s.err = s.r.logFailure(v) })
}

// readAll returns why nc has no more, or nil when the loop wants no more.
func (s *stream) readAll() error {
	empty, size := 0, idleRead
	for s.waitForRoom() {
		b := s.r.pool.Get()
		b.B = slices.Grow(b.B[:0], size)[:size]
		n, err := s.nc.Read(b.B)
		b.B = b.B[:n]
		size = min(max(4*n, idleRead), streamRead)
		if n == 0 {
			s.r.pool.Put(b)
			if empty++; empty == emptyReads && err == nil {
				err = io.ErrNoProgress
			}
		} else {
			empty = 0
			if !s.pass(b) {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// waitForRoom waits until more may be read: what waits for the loop is bounded, and
// while all conns together keep too much, one read of each may wait. It reports
// whether the loop still wants input.
func (s *stream) waitForRoom() bool {
	for !s.mayRead() {
		s.waiting.Store(true)
		if s.mayRead() {
			break
		}
		select {
		case <-s.room:
			s.heldUp()
		case <-s.gone:
			return false
		}
	}
	return true
}

// heldUp is called when the loop has had the reading goroutine wait, which takes no time from
// the other side's last words.
func (s *stream) heldUp() {
	if s.ending.Load() {
		s.listen()
	}
}

func (s *stream) mayRead() bool {
	n := s.queued.Load()
	return n == 0 || n < streamQueue && s.r.input.Load() <= int64(s.r.cfg.MaxTotalInput)
}

// count counts memory that waits for the loop.
func (s *stream) count(n int) {
	s.queued.Add(int64(n))
	s.r.input.Add(int64(n))
}

// release gives back what was counted for b.
func (s *stream) release(b *Buffer) {
	s.count(-cap(b.B))
	s.r.pool.Put(b)
	if s.waiting.Load() {
		s.waiting.Store(false)
		select {
		case s.room <- struct{}{}:
		default:
		}
	}
}

// pass hands b to the loop; it reports whether the loop still wants input.
func (s *stream) pass(b *Buffer) bool {
	s.count(cap(b.B))
	select {
	case s.in <- b:
	default:
		select {
		case s.in <- b:
			s.heldUp()
		case <-s.gone:
			s.release(b)
			return false
		}
	}
	s.sink.Wake(nil)
	return true
}
