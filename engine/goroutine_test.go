package engine

import (
	"bytes"
	"runtime"
	"testing"
)

// A goroutine's pointer stays the same while its stack grows and moves, and no other that
// lives has it.
func TestGoroutinePointer(t *testing.T) {
	if goroutinePointer() == 0 {
		t.Skip("numbers are compared on this platform")
	}
	here, there := goroutinePointer(), make(chan uintptr)
	go func() { there <- goroutinePointer() }()
	if got := <-there; got == here {
		t.Errorf("two goroutines have %#x", got)
	}
	if got := deep(10_000); got != here {
		t.Errorf("deep in the stack it is %#x, was %#x", got, here)
	}
}

// deep returns the pointer from n calls further on.
func deep(n int) uintptr {
	var room [64]byte
	if n > 0 {
		return deep(n-1) + uintptr(room[n%len(room)])
	}
	return goroutinePointer()
}

// A goroutine is the calling one from adopt to disown, for itself alone, even if the
// pointer is that of one that has ended.
func TestGoroutineIsCalling(t *testing.T) {
	var g goroutine
	calling := func(when string, want bool) {
		t.Helper()
		if got := g.isCalling(); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	calling("before adopt", false)
	g.adopt()
	calling("after adopt", true)
	other := make(chan bool)
	go func() { other <- g.isCalling() }()
	if <-other {
		t.Error("it is another goroutine as well")
	}
	g.id.Add(1)
	calling("of the pointer only", false)
	g.disown()
	calling("after disown", false)
}

// What a new goroutine is to do is done, however often Goexit ends it, and it is the loop's
// meanwhile.
func TestGoroutineCallOnNew(t *testing.T) {
	var g goroutine
	calls := 0
	g.callOnNew(func() {
		if !g.isCalling() {
			t.Error("it is another goroutine than the loop's")
		}
		if calls++; calls < 3 {
			runtime.Goexit()
		}
	})
	if calls != 3 {
		t.Errorf("%d calls, want 3, of which the last one returned", calls)
	}
	if g.id.Load() != 0 {
		t.Error("the loop has a goroutine that has ended")
	}
}

// The stack is that of the loop's goroutine, whoever asks.
func TestGoroutineStack(t *testing.T) {
	var g goroutine
	g.callOnNew(func() {
		there := make(chan []byte)
		go func() { there <- g.stack() }()
		if stack := <-there; !bytes.Contains(stack, []byte("callOnNew")) {
			t.Errorf("the stack is\n%s", stack)
		}
	})
	if stack := g.stack(); stack != nil {
		t.Errorf("without a goroutine the stack is\n%s", stack)
	}
}

// Who is not on a loop learns it without an allocation.
func TestOnLoopAllocatesNothing(t *testing.T) {
	if goroutinePointer() == 0 {
		t.Skip("numbers are compared on this platform")
	}
	r := start(t, nil)
	if n := testing.AllocsPerRun(100, func() { r.OnLoop() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOnLoop(b *testing.B) {
	r := New(nil)
	b.ReportAllocs()
	for b.Loop() {
		if r.OnLoop() {
			b.Fatal("it is on no loop")
		}
	}
}
