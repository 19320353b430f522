package engine

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
)

// Pieces of one queue are done one at a time, and their results come in order, on the loop,
// whatever the pieces end with.
func TestWorkOfAQueueIsDoneInOrder(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	const pieces = 1000
	var q WorkQueue
	var running, begun atomic.Int32
	results, all := 0, make(chan struct{})
	for n := range pieces {
		err := OffloadInOrder(l, &q, func() (int, error) {
			if running.Add(1) != 1 {
				t.Error("two pieces at once")
			}
			defer running.Add(-1)
			if at := begun.Add(1) - 1; int(at) != n {
				t.Errorf("piece %d begins at place %d", n, at)
			}
			switch n % 10 {
			case 3:
				panic("broken")
			case 7:
				runtime.Goexit()
			}
			runtime.Gosched()
			return n, nil
		}, func(v int, err error) {
			var p *PanicError
			switch {
			case !r.OnLoop():
				t.Error("a result off the loop")
			case n != results:
				t.Errorf("result %d comes at place %d", n, results)
			case n%10 == 3 != errors.As(err, &p), n%10 == 7 != errors.Is(err, ErrGoexit), err == nil && v != n:
				t.Errorf("piece %d: %d, %v", n, v, err)
			}
			if results++; results == pieces {
				close(all)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "all results", all)
}

// Between two pieces of a queue, others have the worker.
func TestAWorkQueueSharesItsWorker(t *testing.T) {
	r := start(t, &Config{Workers: 1})
	l := r.Loops()[0]
	var long, short WorkQueue
	release := make(chan struct{})
	results := make(chan string, 101)
	for range 100 {
		OffloadInOrder(l, &long, func() (int, error) { <-release; return 0, nil }, func(int, error) { results <- "long" })
	}
	OffloadInOrder(l, &short, func() (int, error) { return 0, nil }, func(int, error) { results <- "short" })
	close(release)
	for n := 0; wait(t, "result", results) != "short"; n++ {
		if n > 1 {
			t.Fatal("one piece waits for all of another queue")
		}
	}
}

// Drop drops what has not begun, and the queue goes on with what is added after it.
func TestDropOfAWorkQueue(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	var q WorkQueue
	begun, release := make(chan struct{}), make(chan struct{})
	results := make(chan int, 10)
	add := func(n int) {
		OffloadInOrder(l, &q, func() (int, error) {
			if n == 0 {
				close(begun)
				<-release
			}
			return n, nil
		}, func(n int, _ error) { results <- n })
	}
	for n := range 5 {
		add(n)
	}
	wait(t, "first piece", begun)
	if n := q.Drop(); n != 4 {
		t.Errorf("%d pieces were dropped, want 4", n)
	}
	add(5)
	close(release)
	for _, want := range []int{0, 5} {
		if n := wait(t, "result", results); n != want {
			t.Errorf("result %d, want %d", n, want)
		}
	}
	l.Call(t.Context(), func() {})
	if len(results) > 0 {
		t.Errorf("result %d of a piece that was dropped", <-results)
	}
}

// A queue has a bound, and a closed reactor takes nothing.
func TestAWorkQueueRefuses(t *testing.T) {
	r := New(nil)
	l := r.Loops()[0]
	var q WorkQueue
	release := make(chan struct{})
	work := func() (int, error) { <-release; return 0, nil }
	done := func(int, error) { t.Error("a result after the end") }
	n := 0
	err := error(nil)
	for ; err == nil && n < 2*DefaultMaxQueued; n++ {
		err = OffloadInOrder(l, &q, work, done)
	}
	if !errors.Is(err, ErrBusy) || n < DefaultMaxQueued {
		t.Errorf("after %d pieces: %v", n, err)
	}
	for _, err := range []error{
		OffloadInOrder(nil, &q, work, done), OffloadInOrder(l, nil, work, done),
		OffloadInOrder[int](l, &q, nil, done), OffloadInOrder(l, &q, work, nil),
	} {
		if !errors.Is(err, ErrNil) {
			t.Errorf("without an argument: %v", err)
		}
	}
	r.Close()
	close(release)
	if err := OffloadInOrder(l, new(WorkQueue), work, done); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
