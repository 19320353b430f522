package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// waiting starts n senders that wait on c, one after the other, and returns what they
// come back with.
func waiting(t *testing.T, ctx context.Context, c *Conn, n, size int) []chan error {
	t.Helper()
	all := make([]chan error, n)
	for i := range all {
		done := make(chan error, 1)
		all[i] = done
		go func() { done <- c.QueueWait(ctx, message(size, byte(i))) }()
		eventually(t, "a sender that waits", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.needSlow().waiters.list.Len() == i+1
		})
	}
	return all
}

// clog has something wait on c, over a transport that moves nothing on.
func clog(t *testing.T, r *Reactor, h Handler) (*Conn, *fakeTransport) {
	t.Helper()
	p := &fakeTransport{stuck: true}
	c := attachFake(t, r, p, h)
	onLoop(t, r, func() { c.Queue(make([]byte, r.cfg.SoftPending)) })
	eventually(t, "a clogged conn", func() bool { return c.Pending() == r.cfg.SoftPending })
	onLoop(t, r, func() {})
	return c, p
}

func onLoop(t *testing.T, r *Reactor, fn func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.loops[0].Call(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

// Senders that wait have room in the order in which they came, as the transport moves on,
// and none before there is room for it.
func TestQueueWaitKeepsOrder(t *testing.T) {
	const senders, size = 50, 300
	r := start(t, &Config{SoftPending: 1 << 10})
	c, p := clog(t, r, &lengths{})
	all := waiting(t, context.Background(), c, senders, size)
	onLoop(t, r, func() { p.held = 500 })
	left := senders
	for i, done := range all {
		for left == senders-i { // sender i waits still
			onLoop(t, r, func() { p.held = max(p.held-size, 0) })
			onLoop(t, r, func() {}) // after the turn in which that was noticed
			c.mu.Lock()
			left = c.needSlow().waiters.list.Len()
			c.mu.Unlock()
		}
		if err := wait(t, "a sender", done); err != nil {
			t.Fatalf("sender %d: %v", i, err)
		}
		for _, later := range all[min(i+5, senders):] {
			if len(later) > 0 {
				t.Fatalf("a sender far back in the queue went on when %d did", i)
			}
		}
	}
	onLoop(t, r, func() { p.stuck, p.held = false, 0 })
	eventually(t, "all", func() bool { return c.Pending() == 0 })
	onLoop(t, r, func() {
		if got := p.wrote[1<<10:]; len(got) != senders*size {
			t.Errorf("%d bytes were written, want %d", len(got), senders*size)
		} else {
			for i := range senders {
				if kind := got[i*size+2]; kind != byte(i) {
					t.Fatalf("message %d is of sender %d", i, kind)
				}
			}
		}
	})
	c.Abort(nil)
}

// Whatever ends the wait, all senders are back, each with an error that says why, and
// nothing of theirs is sent.
func TestQueueWaitHeeds(t *testing.T) {
	const senders = 200
	for name, test := range map[string]struct {
		end  func(r *Reactor, c *Conn, cancel func())
		want error
	}{
		"its context":      {func(_ *Reactor, _ *Conn, cancel func()) { cancel() }, context.Canceled},
		"an Abort":         {func(_ *Reactor, c *Conn, _ func()) { c.Abort(nil) }, ErrClosed},
		"a Finish":         {func(_ *Reactor, c *Conn, _ func()) { c.Finish(time.Millisecond) }, ErrClosed},
		"EndWaits":         {func(_ *Reactor, c *Conn, _ func()) { c.EndWaits() }, ErrClosed},
		"a Close":          {func(r *Reactor, _ *Conn, _ func()) { r.Close() }, ErrClosed},
		"a lost conn":      {func(r *Reactor, c *Conn, _ func()) { r.Post(func() { c.sink().Ended(io.ErrUnexpectedEOF) }) }, ErrClosed},
		"a Shutdown":       {func(r *Reactor, _ *Conn, _ func()) { go r.Shutdown(expired()) }, ErrClosed},
		"a Stop and ctx":   {func(r *Reactor, _ *Conn, cancel func()) { r.Stop(); cancel() }, context.Canceled},
		"a Stop and Close": {func(r *Reactor, _ *Conn, _ func()) { r.Stop(); r.Close() }, ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{SoftPending: 1 << 10})
			c, _ := clog(t, r, &lengths{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			all := make(chan error, senders)
			for range senders {
				go func() { all <- c.QueueWait(ctx, message(300, 'w')) }()
			}
			eventually(t, "senders that wait", func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.needSlow().waiters.list.Len() == senders
			})
			test.end(r, c, cancel)
			for range senders {
				if err := wait(t, "a sender", all); !errors.Is(err, test.want) {
					t.Fatalf("QueueWait returned %v, want %v", err, test.want)
				}
			}
		})
	}
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// On a loop it is refused, and so is what can never fit; the conn goes on.
func TestQueueWaitRefuses(t *testing.T) {
	r := start(t, &Config{MaxPending: 1 << 12})
	c := attachFake(t, r, &fakeTransport{}, &lengths{})
	onLoop(t, r, func() {
		if err := c.QueueWait(context.Background(), []byte("x")); err != ErrOnLoop {
			t.Errorf("on the loop: %v", err)
		}
	})
	var big *SizeError
	if err := c.QueueWait(context.Background(), make([]byte, 1<<12+1)); !errors.As(err, &big) {
		t.Errorf("what never fits: %v", err)
	}
	if err := c.QueueWait(context.Background(), make([]byte, 1<<12)); err != nil {
		t.Errorf("what just fits: %v", err)
	}
	if err := new(Conn).QueueWait(context.Background(), nil); err != ErrClosed {
		t.Errorf("a conn that was never opened: %v", err)
	}
	c.Abort(nil)
}

// Many senders on a socket that is read never have more than the soft bound wait, lose
// nothing, and keep their own order.
func TestQueueWaitStaysBelowTheSoftBound(t *testing.T) {
	const senders, each, size = 8, 3000, 1000
	const soft = 64 << 10
	r := start(t, &Config{SoftPending: soft})
	opened := make(chan *Conn, 1)
	ended := make(chan error, 1)
	h := &lengths{hooks{
		opened:   func(c *Conn) { opened <- c },
		pressure: func(_ *Conn, above bool) { t.Errorf("pressure %v", above) },
		closed:   func(_ *Conn, err error) { ended <- err },
	}}
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	nc := dial(t, ln)
	c := wait(t, "conn", opened)
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for k := range each {
				m := message(size, byte(i))
				copy(m[3:], fmt.Sprintf("%06d", k))
				if err := c.QueueWait(context.Background(), m); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := make([]int, senders)
	nc.SetDeadline(time.Now().Add(patience))
	m := make([]byte, size)
	for range senders * each {
		if _, err := io.ReadFull(nc, m); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%06d", next[m[2]]); string(m[3:9]) != want {
			t.Fatalf("message %s of sender %d, want %s", m[3:9], m[2], want)
		}
		next[m[2]]++
	}
	sending.Wait()
	nc.Close()
	wait(t, "the end", ended)
}
