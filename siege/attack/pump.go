package attack

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// pump writes to many conns from one goroutine: to each in turn what its socket
// takes at once, and no more than one piece. A goroutine a conn would have the
// crowd, which is measured in the same process, wait for hundreds of others.
type pump struct {
	jets  []*jet
	reads bool // and throws away what comes back
	buf   []byte

	written int64 // bytes
}

// jet is what goes out on one conn.
type jet struct {
	raw  syscall.RawConn
	next func() []byte // the next piece; nil after the last
	rest []byte        // of a piece
	over bool          // all is written
	gone bool          // the server has closed
}

// script is a fresh next for one conn.
type script func() (next func() []byte)

func newPump(conns []*conn, says script) (*pump, error) {
	p := new(pump)
	for _, c := range conns {
		raw, err := c.tcp.SyscallConn()
		if err != nil {
			return nil, err
		}
		p.jets = append(p.jets, &jet{raw: raw, next: says()})
	}
	return p, nil
}

// run goes on until all is written, or ctx is done.
func (p *pump) run(ctx context.Context) {
	for ctx.Err() == nil {
		moved, open := 0, false
		for _, j := range p.jets {
			if !j.over && !j.gone {
				moved += p.push(j)
				open = true
			}
			if p.reads && !j.gone {
				moved += p.pull(j)
			}
		}
		if !open {
			return
		}
		if moved == 0 {
			sleep(ctx, 200*time.Microsecond)
		}
	}
}

// drain reads what there is, until nothing has come for a while or ctx is done.
func (p *pump) drain(ctx context.Context) {
	for last := time.Now(); time.Since(last) < 500*time.Millisecond && ctx.Err() == nil; {
		moved := 0
		for _, j := range p.jets {
			if !j.gone {
				moved += p.pull(j)
			}
		}
		if moved > 0 {
			last = time.Now()
		} else {
			sleep(ctx, time.Millisecond)
		}
	}
}

// push writes one piece, or its rest.
func (p *pump) push(j *jet) int {
	if len(j.rest) == 0 {
		if j.rest = j.next(); j.rest == nil {
			j.over = true
			return 0
		}
	}
	n := j.do(func(fd int) (int, error) { return syscall.Write(fd, j.rest) })
	j.rest = j.rest[n:]
	p.written += int64(n)
	return n
}

func (p *pump) pull(j *jet) int {
	if p.buf == nil {
		p.buf = make([]byte, 256<<10)
	}
	return j.do(func(fd int) (int, error) {
		n, err := syscall.Read(fd, p.buf)
		j.gone = j.gone || n == 0 && err == nil
		return n, err
	})
}

// do makes a system call that does not wait, and returns how many bytes it
// moved.
func (j *jet) do(call func(fd int) (int, error)) int {
	n := 0
	var err error
	outer := j.raw.Control(func(fd uintptr) { n, err = call(int(fd)) })
	if outer != nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		j.gone = true
	}
	return max(n, 0)
}

// gone is how many conns the server has closed.
func (p *pump) gone() (n int) {
	for _, j := range p.jets {
		if j.gone {
			n++
		}
	}
	return n
}

// forever is a script that says the same again and again.
func forever(piece []byte) script {
	return func() func() []byte { return func() []byte { return piece } }
}

// times is a script that says each of some pieces so many times.
func times(says ...said) script {
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

type said struct {
	piece []byte
	times int
}

// batch is a frame as often as fills 64 KiB.
func batch(frame []byte) (b []byte) {
	for len(b) < 64<<10 {
		b = append(b, frame...)
	}
	return b
}

// connectAll dials n conns, with a handshake each, or without one if it is nil.
func connectAll(ctx context.Context, dial func(context.Context) (*conn, error), n int, handshake []byte) ([]*conn, error) {
	conns := make(chan *conn, n)
	failed := make(chan error, n)
	each(n, func() {
		c, err := dial(ctx)
		if err == nil && handshake != nil {
			if err = c.say(handshake); err != nil {
				c.Close()
			}
		}
		if err != nil {
			failed <- err
			return
		}
		conns <- c
	})
	close(conns)
	var all []*conn
	for c := range conns {
		all = append(all, c)
	}
	select {
	case err := <-failed:
		resetAll(all)
		return nil, err
	default:
		return all, nil
	}
}

func resetAll(conns []*conn) {
	for _, c := range conns {
		c.reset()
	}
}
