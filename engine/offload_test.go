package engine

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

func TestOffload(t *testing.T) {
	r := start(t, nil)
	type result struct {
		v      int
		err    error
		onLoop bool
	}
	got := make(chan result, 1)
	done := func(v int, err error) { got <- result{v, err, r.OnLoop()} }
	l := r.Loops()[0]
	Offload(l, func() (int, error) { return 42, nil }, done)
	if res := wait(t, "result", got); res.v != 42 || res.err != nil || !res.onLoop {
		t.Errorf("got %+v", res)
	}
	Offload(l, func() (int, error) { panic("broken") }, done)
	var pe *PanicError
	if res := wait(t, "panic", got); !errors.As(res.err, &pe) || pe.Value != "broken" {
		t.Errorf("got %+v, want a PanicError", res)
	}
}

// A process that runs off the loop tells its end there.
func TestOffloadedProcess(t *testing.T) {
	r := start(t, nil)
	list := func() ([]byte, error) {
		return exec.Command(os.Args[0], "-test.list", "^TestOffloadedProcess$").Output()
	}
	got := make(chan string, 1)
	err := Offload(r.Loops()[0], list, func(out []byte, err error) {
		if err != nil || !r.OnLoop() {
			t.Errorf("%v, on the loop: %v", err, r.OnLoop())
		}
		got <- string(out)
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := wait(t, "end of the process", got); !strings.Contains(out, "TestOffloadedProcess") {
		t.Errorf("the process wrote %q", out)
	}
}

func TestOffloadIsBounded(t *testing.T) {
	r := start(t, &Config{Workers: 2})
	var running, most atomic.Int32
	release := make(chan struct{})
	results := make(chan struct{}, 10)
	for range 10 {
		err := Offload(r.Loops()[0], func() (struct{}, error) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			running.Add(-1)
			return struct{}{}, nil
		}, func(struct{}, error) { results <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	for range 10 {
		wait(t, "result", results)
	}
	if most.Load() > 2 {
		t.Errorf("%d calls ran at once, bound is 2", most.Load())
	}
}
