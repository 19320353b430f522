package client

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Sender writes to many conns from one goroutine: to each in turn what its socket
// takes at once, and no more than one piece. With a goroutine for each conn, the
// probes, which are timed in the same process, would wait for hundreds of others.
type Sender struct {
	Reads   bool  // it reads too, and throws away what it has read
	Written int64 // bytes

	lanes []*lane
	buf   []byte // for what is read
}

// lane is what goes out on one conn.
type lane struct {
	raw    syscall.RawConn
	next   func() []byte // the next piece; nil after the last
	rest   []byte        // of a piece
	over   bool          // all is written
	closed bool          // the server has closed
}

// Script returns a function for one conn, which returns piece after piece of what
// is sent there, and nil after the last.
type Script func() (next func() []byte)

// NewSender returns a sender that sends the script on each conn.
func NewSender(conns []*Conn, says Script) (*Sender, error) {
	s := new(Sender)
	for _, c := range conns {
		raw, err := c.TCP.SyscallConn()
		if err != nil {
			return nil, err
		}
		s.lanes = append(s.lanes, &lane{raw: raw, next: says()})
	}
	return s, nil
}

// Run goes on until all is written, or ctx is done.
func (s *Sender) Run(ctx context.Context) {
	for ctx.Err() == nil {
		moved, open := 0, false
		for _, l := range s.lanes {
			if !l.over && !l.closed {
				moved += s.write(l)
				open = true
			}
			if s.Reads && !l.closed {
				moved += s.read(l)
			}
		}
		if !open {
			return
		}
		if moved == 0 {
			Sleep(ctx, 200*time.Microsecond)
		}
	}
}

// Drain reads what there is, until nothing has come for a while or ctx is done.
func (s *Sender) Drain(ctx context.Context) {
	for last := time.Now(); time.Since(last) < 500*time.Millisecond && ctx.Err() == nil; {
		moved := 0
		for _, l := range s.lanes {
			if !l.closed {
				moved += s.read(l)
			}
		}
		if moved > 0 {
			last = time.Now()
		} else {
			Sleep(ctx, time.Millisecond)
		}
	}
}

// write writes one piece, or its rest.
func (s *Sender) write(l *lane) int {
	if len(l.rest) == 0 {
		if l.rest = l.next(); l.rest == nil {
			l.over = true
			return 0
		}
	}
	n := l.call(func(fd int) (int, error) { return syscall.Write(fd, l.rest) })
	l.rest = l.rest[n:]
	s.Written += int64(n)
	return n
}

// read reads what there is, up to the size of the buffer.
func (s *Sender) read(l *lane) int {
	if s.buf == nil {
		s.buf = make([]byte, 256<<10)
	}
	return l.call(func(fd int) (int, error) {
		n, err := syscall.Read(fd, s.buf)
		l.closed = l.closed || n == 0 && err == nil
		return n, err
	})
}

// call makes a system call that does not wait, and returns how many bytes it
// moved.
func (l *lane) call(fn func(fd int) (int, error)) int {
	n := 0
	var err error
	outer := l.raw.Control(func(fd uintptr) { n, err = fn(int(fd)) })
	if outer != nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		l.closed = true
	}
	return max(n, 0)
}

// Closed returns how many conns the server has closed.
func (s *Sender) Closed() (n int) {
	for _, l := range s.lanes {
		if l.closed {
			n++
		}
	}
	return n
}

// Forever is a script that sends the same piece again and again.
func Forever(piece []byte) Script {
	return func() func() []byte { return func() []byte { return piece } }
}

// Say is a script of some parts.
func Say(says ...Part) Script {
	return func() func() []byte {
		at, n := 0, 0
		return func() []byte {
			for at < len(says) && n == says[at].times {
				at, n = at+1, 0
			}
			if at == len(says) {
				return nil
			}
			n++
			return says[at].piece
		}
	}
}

// Part is a piece that is sent a number of times.
type Part struct {
	piece []byte
	times int
}

// Repeat returns a part.
func Repeat(piece []byte, times int) Part { return Part{piece: piece, times: times} }

// Batch returns a frame as often as fills 64 KiB.
func Batch(frame []byte) (b []byte) {
	for len(b) < 64<<10 {
		b = append(b, frame...)
	}
	return b
}
