//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"io"
	"math/rand"
	"net"
	"testing"
	"time"
)

// pausable serves a conn that is paused when it is opened.
func pausable(t *testing.T, r *Reactor, h *hooks) (c *Conn, nc net.Conn) {
	t.Helper()
	opened := make(chan *Conn, 1)
	h.opened = func(c *Conn) { c.PauseRead(); opened <- c }
	nc = serve(t, r, h)
	return wait(t, "conn", opened), nc
}

// needsLeaving skips a test where sockets cannot leave the poller.
func needsLeaving(t *testing.T, r *Reactor) {
	t.Helper()
	set := 0
	if r.loops[0].Call(t.Context(), func() { set = r.loops[0].flooding.set }); set == 0 {
		t.Skip("sockets cannot leave this poller")
	}
}

// fill writes to nc until the kernel takes no more, and returns how much it has taken.
func fill(t *testing.T, nc net.Conn) (n int) {
	t.Helper()
	b := make([]byte, 64<<10)
	for {
		nc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		k, err := nc.Write(b)
		if n += k; err != nil {
			return n
		}
		if n > 256<<20 {
			t.Fatal("the socket takes all that is written")
		}
	}
}

// A paused conn whose socket is full takes no time of the loop: three ticks of the clock
// of deadlines pass, one of which is the conn's own, and the loop is hardly woken.
func TestAPausedConnTakesNoTurns(t *testing.T) {
	r := start(t, nil)
	needsLeaving(t, r)
	l := r.loops[0]
	expired := make(chan struct{}, 1)
	c, nc := pausable(t, r, &hooks{expired: func(*Conn) { expired <- struct{}{} }})
	fill(t, nc)
	var turns, reads uint64
	count := func() { turns, reads = l.wakeUps, uint64(l.batching.reads) }
	l.Call(t.Context(), func() { count(); c.SetDeadline(l.Now() + 3*Tick) })
	wait(t, "deadline", expired)
	before, readsBefore := turns, reads
	l.Call(t.Context(), count)
	if n := turns - before; n > 40 { // three ticks, this call, and what a busy machine adds
		t.Errorf("the loop took %d turns", n)
	}
	if reads != readsBefore {
		t.Errorf("%d reads during the pause", reads-readsBefore)
	}
}

// All that was written before and during a pause is received after it.
func TestNothingIsLostInAPause(t *testing.T) {
	for name, long := range map[string]bool{"on a socket": false, "on a socket that floods": true} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			needsLeaving(t, r)
			got, all := 0, make(chan struct{})
			want := -1
			c, nc := pausable(t, r, &hooks{received: func(c *Conn, b []byte) int {
				if got += len(b); got == want {
					close(all)
				}
				return len(b)
			}})
			onLoop := func(fn func()) {
				t.Helper()
				if err := c.Loop().Call(t.Context(), fn); err != nil {
					t.Fatal(err)
				}
			}
			if long {
				onLoop(func() {
					s := c.tr.(*socket)
					s.pause()
					s.wait(make([]byte, 1000))
				})
			}
			n := fill(t, nc)
			if long {
				n += 1000
			}
			paused := 0
			onLoop(func() { want, paused = n, c.loop.flooding.paused })
			if got != 0 || paused != 0 {
				t.Errorf("%d bytes were received in a pause, and %d sockets are counted as flooding", got, paused)
			}
			c.ResumeRead()
			wait(t, "all input", all)
			onLoop(func() { paused = c.loop.flooding.paused })
			if paused > 1 {
				t.Errorf("%d sockets wait", paused)
			}
		})
	}
}

// The ends of paused sockets leave none of them in the count of those that flood.
func TestPausedSocketsAreNotCountedAsFlooding(t *testing.T) {
	r := start(t, nil)
	for name, end := range map[string]func(c *Conn, nc net.Conn){
		"aborted": func(c *Conn, _ net.Conn) { c.Abort(io.ErrUnexpectedEOF) },
		"reset":   func(_ *Conn, nc net.Conn) { nc.(*net.TCPConn).SetLinger(0); nc.Close() },
		"closed":  func(c *Conn, nc net.Conn) { nc.Close(); c.ResumeRead() },
		"finish":  func(c *Conn, nc net.Conn) { c.Finish(time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan error, 1)
			c, nc := pausable(t, r, &hooks{closed: func(_ *Conn, err error) { closed <- err }})
			end(c, nc)
			wait(t, "end", closed)
			n := -1
			r.loops[0].Call(t.Context(), func() { n = r.loops[0].flooding.paused })
			if n != 0 {
				t.Errorf("%d sockets are counted", n)
			}
		})
	}
}

// A transport that knows nothing of pauses is not pumped for what its sink does not take,
// and is pumped when the conn goes on, even after a pause of which the loop saw nothing.
func TestAPauseOverAnyTransport(t *testing.T) {
	v := virtual(t, nil)
	got, pumps := 0, 0
	p := &fakeTransport{}
	c := attachFake(t, v.r, p, &hooks{received: func(c *Conn, b []byte) int {
		got += len(b)
		c.PauseRead()
		return len(b)
	}})
	left := []byte("four")
	p.pump = func() bool {
		pumps++
		for n := 1; n > 0 && len(left) > 0; left = left[n:] {
			n = p.sink.Received(left[:1])
		}
		return len(left) > 0
	}
	settle(t, v)
	p.sink.Wake(nil)
	settle(t, v)
	for n := range 4 {
		if got != n+1 || len(left) != 3-n {
			t.Fatalf("%d bytes were received and %d are left after %d pauses", got, len(left), n)
		}
		if pumps > 3 {
			t.Errorf("%d pumps", pumps)
		}
		pumps = 0
		c.ResumeRead()
		settle(t, v)
	}
	c.PauseRead()
	left = []byte("x")
	p.sink.Wake(v.r.loops[0])
	if p.pump(); len(left) != 1 {
		t.Error("input was taken in a pause")
	}
	c.ResumeRead()
	settle(t, v)
	if len(left) != 0 {
		t.Error("input is left after a pause that no loop saw")
	}
}

// The end of a paused conn from this side, in order, ends the pause: the other side's end
// is heard.
func TestAPausedConnFinishes(t *testing.T) {
	r := start(t, nil)
	closed := make(chan error, 1)
	c, nc := pausable(t, r, &hooks{closed: func(_ *Conn, err error) { closed <- err }})
	nc.Write(make([]byte, 100<<10))
	c.Queue([]byte("bye"))
	c.Finish(patience)
	nc.SetDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(nc); string(b) != "bye" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	nc.Close()
	if err := wait(t, "end", closed); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Output leaves a paused conn, also when the socket takes it in pieces.
func TestAPausedConnSends(t *testing.T) {
	r := start(t, nil)
	c, nc := pausable(t, r, &hooks{})
	const size = 6 << 20
	if err := c.Queue(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	if n, err := io.CopyN(io.Discard, nc, size); n != size || err != nil {
		t.Errorf("%d bytes came, %v", n, err)
	}
}

// Where sockets cannot leave the poller, a pause keeps a bounded part of the input, in order,
// and more ends the conn.
func TestAPauseWhereGnetReadsOn(t *testing.T) {
	for name, size := range map[string]int{"some input": maxBacklog / 2, "too much": 4 * maxBacklog} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			l := r.loops[0]
			l.Call(t.Context(), func() { l.flooding.set = 0 })
			got, all, closed := 0, make(chan struct{}), make(chan error, 1)
			c, nc := pausable(t, r, &hooks{
				received: func(_ *Conn, b []byte) int {
					for _, x := range b {
						if x != byte(got>>8) {
							t.Errorf("byte %d is %d", got, x)
						}
						got++
					}
					if got == size {
						close(all)
					}
					return len(b)
				},
				closed: func(_ *Conn, err error) { closed <- err },
			})
			sent := make([]byte, size)
			for i := range sent {
				sent[i] = byte(i >> 8)
			}
			nc.SetDeadline(time.Now().Add(patience))
			nc.Write(sent)
			if size > maxBacklog {
				if err := wait(t, "end", closed); err != ErrBacklog {
					t.Errorf("ended with %v", err)
				}
				return
			}
			l.Call(t.Context(), func() {
				if got > 0 {
					t.Errorf("%d bytes were received in a pause", got)
				}
			})
			c.ResumeRead()
			wait(t, "all input", all)
		})
	}
}

// A pause holds back what a Wrapper's transport is given too, and its end is heard.
func TestAPauseOfAWrappedConn(t *testing.T) {
	r := start(t, nil)
	needsLeaving(t, r)
	opened, done := make(chan *Conn, 1), make(chan int, 1)
	got := 0
	nc := serveWith(t, r, &wrapping{
		hooks: hooks{
			opened:   func(c *Conn) { c.PauseRead(); opened <- c },
			received: func(_ *Conn, b []byte) int { got += len(b); return len(b) },
			closed:   func(*Conn, error) { done <- got },
		},
		wrap: func(_ *Conn, inner Transport) Transport { return &faulty{Transport: inner} },
	})
	c := wait(t, "conn", opened)
	n := fill(t, nc)
	nc.Close()
	c.ResumeRead()
	if got := wait(t, "end", done); got != n {
		t.Errorf("%d bytes were received, want %d", got, n)
	}
}

// A reset during a pause is noticed by the kernel. What was sent before is kept, received
// after the pause, and followed by the end.
func TestAResetDuringAPauseIsToldAfterIt(t *testing.T) {
	r := start(t, nil)
	needsLeaving(t, r)
	got, closed := 0, make(chan error, 1)
	c, nc := pausable(t, r, &hooks{
		received: func(_ *Conn, b []byte) int { got += len(b); return len(b) },
		closed:   func(_ *Conn, err error) { closed <- err },
	})
	const size = 100 << 10
	if _, err := nc.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
	eventually(t, "reset", func() (noticed bool) {
		c.Loop().Call(t.Context(), func() { noticed = c.gc == nil })
		return noticed
	})
	select {
	case err := <-closed:
		t.Fatalf("the end was told during the pause: %v", err)
	default:
	}
	c.ResumeRead()
	if err := wait(t, "end", closed); got != size {
		t.Errorf("%d bytes were received before the end: %v", got, err)
	}
}

// A pause holds from when PauseRead has noted it, although its goroutine may be interrupted
// before the loop is told, for long enough to read more than may wait.
func TestAPauseHoldsBeforeTheLoopIsTold(t *testing.T) {
	r := start(t, nil)
	needsLeaving(t, r)
	opened, closed := make(chan *Conn, 1), make(chan error, 1)
	got, want, all := 0, -1, make(chan struct{})
	nc := serve(t, r, &hooks{
		opened: func(c *Conn) { opened <- c },
		received: func(_ *Conn, b []byte) int {
			if got += len(b); got == want {
				close(all)
			}
			return len(b)
		},
		closed: func(_ *Conn, err error) { closed <- err },
	})
	c := wait(t, "conn", opened)
	c.requests.Or(readPaused)
	n := fill(t, nc)
	c.request(askPause)
	if err := c.Loop().Call(t.Context(), func() { want = n }); err != nil {
		t.Fatal(err)
	}
	c.ResumeRead()
	select {
	case err := <-closed:
		t.Fatalf("ended with %v after %d of %d bytes", err, got, n)
	case <-all:
	case <-time.After(patience):
		t.Fatalf("%d of %d bytes were received", got, n)
	}
}

// A pause that another goroutine takes back at once is no input that the handler leaves: the
// socket waits, and the conn goes on. Pauses by the handler, which takes what it likes, and by another goroutine keep the stream,
// also while the reactor is stopped again and again.
func TestPausesAcrossStopsKeepTheStream(t *testing.T) {
	for name, wrap := range map[string]func(nc net.Conn) net.Conn{
		"a socket":         func(nc net.Conn) net.Conn { return nc },
		"an injected conn": func(nc net.Conn) net.Conn { return struct{ net.Conn }{nc} },
	} {
		t.Run(name, func(t *testing.T) {
			const size, kind = 8 << 20, 9 // bytes, and how many bits of a byte's place it does not tell
			r := start(t, nil)
			opened, closed := make(chan *Conn, 1), make(chan int, 1)
			got := 0
			h := &hooks{
				opened: func(c *Conn) { opened <- c },
				received: func(c *Conn, b []byte) int {
					n := rand.Intn(len(b) + 1)
					for _, x := range b[:n] {
						if x != byte(got>>kind) {
							t.Errorf("byte %d is %d", got, x)
						}
						got++
					}
					if c.PauseRead(); rand.Intn(2) == 0 {
						c.ResumeRead()
					} // else another goroutine does
					return n
				},
				closed: func(*Conn, error) { closed <- got },
			}
			ln, err := r.ListenFunc("tcp", "127.0.0.1:0", func(nc net.Conn) { r.Enrol(wrap(nc), new(Conn), h) })
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			c := wait(t, "conn", opened)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
						c.PauseRead()
						c.ResumeRead()
					}
					if n%10000 == 0 {
						r.Stop()
						r.RunAsync()
					}
				}
			}()
			b := make([]byte, size)
			for i := range b {
				b[i] = byte(i >> kind)
			}
			nc.SetDeadline(time.Now().Add(patience))
			if _, err := nc.Write(b); err != nil {
				t.Fatal(err)
			}
			nc.Close()
			if n := wait(t, "end", closed); n != size {
				t.Errorf("%d bytes were received, want %d", n, size)
			}
			close(stop)
			<-stopped
		})
	}
}
