package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

func TestShutdownSendsWhatIsPending(t *testing.T) {
	const size = 32 << 20
	leak.Check(t)
	r := New(&Config{MaxPending: 2 * size})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	why := make(chan error, 1)
	filled := make(chan struct{})
	nc := serve(t, r, &hooks{
		opened: func(c *Conn) {
			out := c.Out()
			for i := range size >> 12 {
				out.B = append(out.B, bytes.Repeat([]byte{byte(i)}, 1<<12)...)
			}
			close(filled)
		},
		closed: func(c *Conn, err error) { why <- err },
	})
	wait(t, "output", filled)
	down := make(chan error, 1)
	go func() { down <- r.Shutdown(t.Context()) }()
	buf := make([]byte, 64<<10)
	total := 0
	nc.SetDeadline(time.Now().Add(6 * patience))
	for {
		n, err := nc.Read(buf[:1+total%len(buf)]) // slow: odd little pieces
		if n > 0 && (buf[0] != byte(total>>12) || buf[n-1] != byte((total+n-1)>>12)) {
			t.Fatalf("bytes %d to %d are wrong", total, total+n)
		}
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
	}
	if total != size {
		t.Errorf("%d bytes arrived, want %d", total, size)
	}
	nc.Close()
	if err := wait(t, "shutdown", down); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := wait(t, "close", why); err != nil {
		t.Errorf("closed because of %v, want an end in order", err)
	}
}

func TestShutdownTellsWhatWasLost(t *testing.T) {
	leak.Check(t)
	const size = 16 << 20
	r := New(&Config{MaxPending: 2 * size})
	r.RunAsync()
	filled := make(chan struct{})
	serve(t, r, &hooks{opened: func(c *Conn) {
		out := c.Out()
		out.B = append(out.B, make([]byte, size)...)
		close(filled)
	}})
	wait(t, "output", filled)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var se *ShutdownError
	if err := r.Shutdown(ctx); !errors.As(err, &se) || se.Conns != 1 || se.Bytes == 0 || se.Bytes > size {
		t.Errorf("Shutdown returned %v, want a ShutdownError for one conn", err)
	}
}

// Drain comes once for a conn, however often the reactor is shut down and
// whenever the conn opens.
func TestDrainComesOnce(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, v *Virtual, attach func()){
		"open":       func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.Drain() },
		"twice":      func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.Drain(); v.Drain() },
		"later":      func(t *testing.T, v *Virtual, attach func()) { attach(); v.Drain(); settle(t, v); v.Drain() },
		"on its way": func(t *testing.T, v *Virtual, attach func()) { attach(); v.Drain() },
		"after it":   func(t *testing.T, v *Virtual, attach func()) { v.Drain(); attach() },
		"stopped":    func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.r.Stop(); v.Drain() },
		"stopped meanwhile": func(t *testing.T, v *Virtual, attach func()) {
			attach()
			settle(t, v)
			v.Drain()
			v.r.Stop()
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			calls := 0
			test(t, v, func() { attachFake(t, v.r, &fakeTransport{}, &hooks{drain: func(*Conn) { calls++ }}) })
			settle(t, v)
			if calls != 1 {
				t.Errorf("Drain was called %d times", calls)
			}
		})
	}
}

// Shutdown on a loop has the time that its context has, not Config.Drain, and
// no less because that is cancelled.
func TestShutdownOnLoopKeepsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := virtual(t, &Config{Drain: 24 * time.Hour})
		attachFake(t, v.r, &fakeTransport{}, &hooks{drain: func(*Conn) {}})
		settle(t, v)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		v.r.Post(func() {
			if err := v.r.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
		settle(t, v)
		cancel()
		ended := func() bool {
			synctest.Wait()
			settle(t, v)
			select {
			case <-v.r.Done():
				return true
			default:
				return false
			}
		}
		time.Sleep(59 * time.Minute) // the bubble's
		if ended() {
			t.Error("it ended before its deadline")
		}
		time.Sleep(2 * time.Minute) // the bubble's
		if !ended() {
			t.Error("it did not end at its deadline")
		}
	})
}
