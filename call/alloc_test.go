package call

import (
	"runtime"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// atMost allows for what the runtime and the test framework allocate meanwhile.
func atMost(t *testing.T, got, want float64) {
	t.Helper()
	t.Logf("%.3f objects a call", got)
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	if got > want+0.05 {
		t.Errorf("%.3f objects allocated a call, want %v", got, want)
	}
}

// calls makes one call of Go after the other, and returns how many objects each allocated, at
// both sides together.
func calls(t *testing.T, call Call[number, number]) float64 {
	t.Helper()
	leak.Check(t)
	w := numbers(t)
	const warmUp, rounds = 2000, 20000
	var before, after runtime.MemStats
	done := make(chan struct{})
	round := 0
	q := &number{N: 7}
	var came func(a *number, err error)
	came = func(a *number, err error) {
		if err != nil || a.N != 8 {
			t.Errorf("got %v, %v", a, err)
			close(done)
			return
		}
		switch round++; round {
		case warmUp:
			runtime.ReadMemStats(&before)
		case warmUp + rounds:
			runtime.ReadMemStats(&after)
			close(done)
			return
		}
		Go(w.AtClient, call, q, 0, came)
	}
	w.AtClient.Loop().Post(func() { Go(w.AtClient, call, q, 0, came) })
	wait(t, "last answer", done)
	return float64(after.Mallocs-before.Mallocs) / rounds
}

// With reused values neither Go nor Handle allocates anything.
func TestGoAndHandleAllocateNothingWithReusedValues(t *testing.T) {
	atMost(t, calls(t, reusedNumber), 0)
}

// Else they allocate the two values, which are their owners' to keep.
func TestGoAndHandleAllocateTheTwoValues(t *testing.T) { atMost(t, calls(t, plainNumber), 2) }

// Do allocates two objects at most: one of them is the answer.
func TestDoAllocatesTwoObjects(t *testing.T) {
	leak.Check(t)
	w := numbers(t)
	q := &number{N: 7}
	ctx := t.Context()
	atMost(t, testing.AllocsPerRun(2000, func() {
		if a, err := Do(ctx, w.AtClient, reusedNumber, q); err != nil || a.N != 8 {
			t.Fatal(a, err)
		}
	}), 2)
}
