//go:build linux

package engine

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pausedWithMuch serves a conn that is paused while the kernel has more of it than may wait
// here. It returns how many bytes were received and how many are with the kernel.
func pausedWithMuch(t *testing.T, h *hooks) (c *Conn, nc net.Conn, received, kept int) {
	t.Helper()
	r := start(t, nil)
	needsLeaving(t, r)
	opened := make(chan *Conn, 1)
	got := h.received
	h.opened = func(c *Conn) { opened <- c }
	const enough = 32 << 20
	h.received = func(c *Conn, b []byte) int {
		if received < enough { // by then the kernel's buffer has grown
			if received += len(b); received >= enough {
				c.PauseRead()
			}
		}
		return got(c, b)
	}
	nc = serve(t, r, h)
	c = wait(t, "conn", opened)
	b := make([]byte, 64<<10)
	for sent := 0; ; {
		nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		for i := range b {
			b[i] = byte((sent + i) >> 10)
		}
		n, err := nc.Write(b)
		if sent += n; err != nil {
			break
		}
	}
	if err := c.Loop().Call(t.Context(), func() { kept, _ = unix.IoctlGetInt(c.gc.Fd(), unix.TIOCINQ) }); err != nil {
		t.Fatal(err)
	}
	if kept < 2*maxBacklog {
		t.Skipf("the kernel keeps only %d bytes", kept)
	}
	return c, nc, received, kept
}

// hangUp closes nc, and has the kernel find out at the other end, where c sends something.
func hangUp(t *testing.T, c *Conn, nc net.Conn) {
	t.Helper()
	nc.Close()
	c.Queue([]byte("ping"))
	eventually(t, "end of the socket", func() (gone bool) {
		c.Loop().Call(t.Context(), func() { gone = c.gc == nil })
		return gone
	})
}

// Of a conn whose other side has closed, and has met what was sent to it with a reset, all
// input is received that the kernel had. The end comes after it.
func TestInputBeforeAResetIsKept(t *testing.T) {
	got, closed := 0, make(chan error, 1)
	c, nc, _, kept := pausedWithMuch(t, &hooks{
		received: func(_ *Conn, b []byte) int {
			for i, x := range b {
				if x != byte((got+i)>>10) {
					t.Errorf("byte %d is %d", got+i, x)
					break
				}
			}
			got += len(b)
			return len(b)
		},
		closed: func(_ *Conn, err error) { closed <- err },
	})
	before := 0
	c.Loop().Call(t.Context(), func() { before = got })
	hangUp(t, c, nc)
	c.ResumeRead()
	if err := wait(t, "end", closed); err == ErrBacklog {
		t.Error(err)
	}
	if got < before+kept {
		t.Errorf("%d bytes were received after the pause, want %d", got-before, kept)
	}
	wantNoRest(t, c)
}

// wantNoRest fails the test if a conn whose end was told keeps a descriptor. The loop may
// still be about to let it go.
func wantNoRest(t *testing.T, c *Conn) {
	t.Helper()
	left := false
	look := func() { a := (*socket)(c).rare; left = a != nil && a.rest != 0 }
	if c.Loop().Call(t.Context(), look) != nil { // the loop has ended
		look()
	}
	if left {
		t.Error("a descriptor is left")
	}
}

// What was kept of such a conn goes with it, and with the reactor.
func TestInputBeforeAResetIsDroppedAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"Abort": func(c *Conn) { c.Abort(io.ErrUnexpectedEOF) },
		"Close": func(c *Conn) { c.Loop().Reactor().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan error, 1)
			c, nc, _, _ := pausedWithMuch(t, &hooks{
				received: func(_ *Conn, b []byte) int { return len(b) },
				closed:   func(_ *Conn, err error) { closed <- err },
			})
			hangUp(t, c, nc)
			fd := int32(0)
			c.Loop().Call(t.Context(), func() { fd = (*socket)(c).rare.rest })
			if fd == 0 {
				t.Error("nothing is kept")
			}
			end(c)
			wait(t, "end", closed)
			wantNoRest(t, c)
		})
	}
}
