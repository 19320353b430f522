package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestDialBothEnds(t *testing.T) {
	r := start(t, &Config{Loops: 2})
	ln := listen(t, r, &hooks{received: echo})
	got := make(chan string, 1)
	c := new(Conn)
	h := &hooks{
		opened:   func(c *Conn) { out := c.Out(); out.B = append(out.B, "ping"...) },
		received: func(c *Conn, b []byte) int { got <- string(b); return len(b) },
	}
	if err := r.Dial(t.Context(), "tcp", ln.Addr().String(), c, h); err != nil {
		t.Fatal(err)
	}
	if s := wait(t, "answer", got); s != "ping" {
		t.Errorf("got %q", s)
	}
	if c.RemoteAddr().String() != ln.Addr().String() {
		t.Errorf("RemoteAddr() = %v, want %v", c.RemoteAddr(), ln.Addr())
	}
}

func TestDialFails(t *testing.T) {
	r := start(t, nil)
	ln := listen(t, r, &hooks{})
	addr := ln.Addr().String()
	ln.Close()
	if err := r.Dial(t.Context(), "tcp", addr, new(Conn), &hooks{}); err == nil {
		t.Error("a dial to a closed port succeeded")
	}
	if n := r.Conns(); n != 0 {
		t.Errorf("Conns() = %d after a failed dial", n)
	}
}

// sink listens, accepts, and tells when the other side has closed.
func sink(t *testing.T) (addr string, ended <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ch := make(chan error, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_, err = io.Copy(io.Discard, nc)
		ch <- err
	}()
	return ln.Addr().String(), ch
}

// blocked has l in a callback until release is called, at the test's end at the
// latest.
func blocked(t *testing.T, l *Loop) (release func()) {
	t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(in); <-out })
	wait(t, "callback", in)
	done := false
	release = func() {
		if !done {
			done = true
			close(out)
		}
	}
	t.Cleanup(release)
	return release
}

// A dial whose loop is busy is over with its context. What the loop comes to
// later is closed, and its handler never hears of it.
func TestDialBesideABusyLoop(t *testing.T) {
	r := start(t, nil)
	addr, ended := sink(t)
	release := blocked(t, r.Loops()[0])
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	told := make(chan string, 2)
	h := &hooks{
		opened: func(*Conn) { told <- "opened" },
		closed: func(*Conn, error) { told <- "closed" },
	}
	c := new(Conn)
	if err := r.Dial(ctx, "tcp", addr, c, h); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial: %v", err)
	}
	release()
	wait(t, "end of the socket", ended)
	eventually(t, "nobody is counted", func() bool { return r.Conns() == 0 })
	select {
	case s := <-told:
		t.Errorf("the handler was told: %s", s)
	default:
	}
}

// unanswered is an address at which the kernel answers no dial.
func unanswered(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0))
	if err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for range 10 { // until its backlog is full
		nc, err := net.DialTimeout("tcp", addr, 50*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { nc.Close() })
	}
	t.Skip("this system answers more dials than it was asked to")
	return ""
}

// Close ends what is dialled, and returns without a socket left behind: start
// looks.
func TestCloseEndsDials(t *testing.T) {
	addr := unanswered(t)
	r := start(t, nil)
	dialled := make(chan error, 1)
	go func() { dialled <- r.Dial(context.Background(), "tcp", addr, new(Conn), &hooks{}) }()
	eventually(t, "dial", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.entering == 1
	})
	r.Close()
	if r.entering != 0 {
		t.Error("a dial is under way after Close")
	}
	if err := wait(t, "end of the dial", dialled); err != ErrClosed {
		t.Errorf("Dial: %v", err)
	}
}

// A dial that waits for a loop ends with the reactor too, so that a callback
// which waits for it lets go of a reactor that is being closed.
func TestCloseEndsDialsThatWaitForALoop(t *testing.T) {
	r := start(t, nil)
	addr, _ := sink(t)
	dialled := make(chan error, 1)
	in := make(chan struct{})
	r.Post(func() { // waits for a dial that waits for it
		ended := make(chan error, 1)
		go func() { ended <- r.Dial(context.Background(), "tcp", addr, new(Conn), &hooks{}) }()
		close(in)
		dialled <- <-ended
	})
	wait(t, "callback", in)
	r.Close()
	if err := wait(t, "end of the dial", dialled); err != ErrClosed {
		t.Errorf("Dial: %v", err)
	}
}
