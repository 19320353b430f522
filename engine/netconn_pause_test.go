package engine

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// writeFails is a net.Conn that cannot be written to any more. It notes until when it may
// be read.
type writeFails struct {
	net.Conn
	until *atomic.Pointer[time.Time]
}

func (writeFails) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func (w writeFails) SetReadDeadline(t time.Time) error {
	w.until.Store(&t)
	return w.Conn.SetReadDeadline(t)
}

// What the other side of an injected conn has sent is received after a pause, though the conn
// cannot be written to any more since long before.
func TestInputIsKeptWhenAWriteFailsDuringAPause(t *testing.T) {
	r := start(t, nil)
	const size = 2 * streamQueue
	ours, theirs := net.Pipe()
	defer theirs.Close()
	got := 0
	opened, closed := make(chan *Conn, 1), make(chan int, 1)
	h := &hooks{
		opened:   func(c *Conn) { c.PauseRead(); opened <- c },
		received: func(_ *Conn, b []byte) int { got += len(b); return len(b) },
		closed:   func(*Conn, error) { closed <- got },
	}
	var until atomic.Pointer[time.Time]
	if err := r.Inject(writeFails{ours, &until}, new(Conn), h); err != nil {
		t.Fatal(err)
	}
	go func() { theirs.Write(make([]byte, size)); theirs.Close() }()
	c := wait(t, "conn", opened)
	c.Queue([]byte("ping"))
	s := c.tr.(*stream)
	eventually(t, "failure of the write", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.failed != nil
	})
	eventually(t, "end of the other side's time, which is not to pass in a pause", func() bool {
		end := until.Load()
		return end != nil && time.Now().After(*end)
	})
	c.ResumeRead()
	if n := wait(t, "end", closed); n != size {
		t.Errorf("%d bytes were received, want %d", n, size)
	}
}
