package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// block has the loop in a callback until the test calls what is returned.
func block(t *testing.T, l *Loop) (release func()) {
	t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(in); <-out })
	wait(t, "callback", in)
	return func() { close(out) }
}

// No call waits for a callback for longer than it says; what it began comes to
// its end when the callback returns.
func TestNoCallIsHungByACallback(t *testing.T) {
	leak.Check(t)
	soon := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	for name, test := range map[string]struct {
		call func(t *testing.T, r *Reactor) error
		want error
		ends bool // the reactor
	}{
		"Stop":  {func(_ *testing.T, r *Reactor) error { return r.Stop() }, ErrStuck, false},
		"Close": {func(_ *testing.T, r *Reactor) error { return r.Close() }, ErrStuck, true},
		"Shutdown": {func(t *testing.T, r *Reactor) error {
			return r.Shutdown(soon(t))
		}, context.DeadlineExceeded, true},
		"Shutdown of a stopped one": {func(t *testing.T, r *Reactor) error {
			r.stop()
			return r.Shutdown(soon(t))
		}, context.DeadlineExceeded, true},
		"Shutdown while it closes": {func(t *testing.T, r *Reactor) error {
			r.end()
			return r.Shutdown(soon(t))
		}, context.DeadlineExceeded, true},
		"Call": {func(t *testing.T, r *Reactor) error {
			return r.loops[0].Call(soon(t), func() { t.Error("called after Call had returned") })
		}, context.DeadlineExceeded, false},
		"Call while it is stopped": {func(t *testing.T, r *Reactor) error {
			r.stop()
			return r.loops[0].Call(soon(t), func() { t.Error("called after Call had returned") })
		}, context.DeadlineExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(&Config{Loops: 2})
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			serve(t, r, &hooks{})
			release := block(t, r.loops[0])
			returned := make(chan error, 1)
			go func() { returned <- test.call(t, r) }()
			err := wait(t, "return", returned)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			var u *UnfinishedError
			if (test.ends || test.want == ErrStuck) && (!errors.As(err, &u) || !slices.Equal(u.Loops, []int{0})) {
				t.Errorf("%v does not name loop 0", err)
			}
			release()
			if test.ends {
				wait(t, "end", r.Done())
				return
			}
			if err := r.Stop(); err != nil {
				t.Errorf("Stop: %v", err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// A loop that cannot be closed keeps no other one open.
func TestCloseOfOneLoopBesideABlockedOne(t *testing.T) {
	leak.Check(t)
	r := New(&Config{Loops: 2})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	p := &fakeTransport{pool: r.Buffers()}
	if err := r.Attach(p, new(Conn), &hooks{closed: func(_ *Conn, err error) { ended <- err }}, r.loops[1]); err != nil {
		t.Fatal(err)
	}
	release := block(t, r.loops[0])
	r.end()
	if err := wait(t, "end of the conn on the other loop", ended); err != ErrClosed {
		t.Errorf("it ended with %v", err)
	}
	release()
	wait(t, "end", r.Done())
}

// Callbacks of two reactors that wait for each other's are not hung.
func TestReactorsThatEndEachOther(t *testing.T) {
	leak.Check(t)
	for name, call := range map[string]func(r *Reactor) error{
		"Stop":  func(r *Reactor) error { return r.Stop() },
		"Close": func(r *Reactor) error { return r.Close() },
		"Shutdown": func(r *Reactor) error {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			return r.Shutdown(ctx)
		},
		"Call": func(r *Reactor) error {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			return r.loops[0].Call(ctx, func() {})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := New(nil), New(nil)
			returned := make(chan error, 2)
			var both sync.WaitGroup // until each loop is in its callback
			both.Add(2)
			for _, r := range [][2]*Reactor{{a, b}, {b, a}} {
				if err := r[0].RunAsync(); err != nil {
					t.Fatal(err)
				}
				r[0].Post(func() {
					both.Done()
					both.Wait()
					returned <- call(r[1])
				})
			}
			// The first one that returns lets the other one come to its end.
			if err := errors.Join(wait(t, "return", returned), wait(t, "return", returned)); err == nil {
				t.Error("no error")
			}
			a.Close()
			b.Close()
			wait(t, "end", a.Done())
			wait(t, "end", b.Done())
		})
	}
}
