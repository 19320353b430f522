package engine

// The writing goroutine of a stream.

import (
	"time"

	"github.com/packetmq/packetmq/internal/guard"
)

// write writes until there is nothing more to write.
func (s *stream) write() {
	var err error
	defer func() {
		if err != nil {
			s.fail(err)
		}
		s.written()
	}()
	guard.Call(func() { err = s.writeAll() }, func(v any) { err = s.r.logFailure(v) })
}

func (s *stream) writeAll() error {
	for {
		b, fin := s.next()
		if b == nil {
			if fin {
				s.closeWrite()
			}
			return nil
		}
		for rest := b.B; len(rest) > 0; {
			n := min(len(rest), streamWrite)
			m, err := s.nc.Write(rest[:n])
			if err != nil {
				n = max(0, min(m, n))
			}
			rest = rest[n:]
			s.wrote.Add(int64(n))
			if s.buffered.Add(int64(-n)) == 0 {
				s.sink.Wake(nil)
			}
			if err != nil {
				return err
			}
		}
		s.written()
	}
}

// next waits for output, which is nil when there will be no more.
func (s *stream) next() (b *Buffer, fin bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.out.size() == 0 && !s.fin && !s.closed {
		s.more.Wait()
	}
	if s.closed {
		return nil, false
	}
	p, _ := s.out.take(&s.r.pool)
	s.now = p.b
	s.wrote.Store(0)
	return s.now, s.fin
}

// written gives back what was being written.
func (s *stream) written() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putNow()
}

// putNow is written with s.mu held.
func (s *stream) putNow() {
	if s.now != nil {
		s.r.pool.Put(s.now)
		s.now = nil
	}
}

func (s *stream) closeWrite() {
	if c, ok := s.nc.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		return
	}
	s.listen()
}

// fail drops what cannot be written, and remembers how much that is.
func (s *stream) fail(err error) {
	s.mu.Lock()
	s.failed, s.lost = err, s.left()
	s.putNow()
	s.dropOut()
	s.mu.Unlock()
	s.sink.Wake(nil)
	s.listen()
}

// dropOut empties out. s.mu is held.
func (s *stream) dropOut() {
	s.out.clear(&s.r.pool)
	s.buffered.Store(0)
}

// listen has the reading goroutine come to its end soon.
func (s *stream) listen() {
	s.ending.Store(true)
	err := ErrClosed
	s.try(func() { err = s.nc.SetReadDeadline(time.Now().Add(lastWords)) })
	if err != nil {
		s.try(func() { s.nc.Close() })
	}
}
