package call

import (
	"math/rand/v2"
	"testing"
	"time"
)

// noted notes with which error it was told.
type noted struct{ n *int }

func (w noted) fail(error) { *w.n++ }

// No id is 0 or used again, and each is found while its call is under way, and then only.
func TestIDsAreNeverUsedAgain(t *testing.T) {
	var p pendingCalls
	rng := rand.New(rand.NewPCG(1, 2))
	seen := make(map[uint64]bool)
	var open []uint64
	for range 50000 {
		if len(open) < 100 && rng.IntN(2) == 0 {
			id := p.add("call", noted{}, never)
			if id == 0 || seen[id] {
				t.Fatalf("the id %d was given twice, or is 0", id)
			}
			seen[id] = true
			open = append(open, id)
			continue
		}
		if len(open) == 0 {
			continue
		}
		i := rng.IntN(len(open))
		c := p.lookup(open[i])
		if c == nil || c.call == nil {
			t.Fatalf("the call %d is not found", open[i])
		}
		p.take(c, true)
		if c := p.lookup(open[i]); c != nil && c.call != nil {
			t.Fatalf("the call %d is found after its end", open[i])
		}
		open[i] = open[len(open)-1]
		open = open[:len(open)-1]
		if p.n != len(open) {
			t.Fatalf("%d calls are counted, %d are under way", p.n, len(open))
		}
	}
	if len(p.places) > 102 {
		t.Errorf("%d places for 100 calls", len(p.places))
	}
	for _, id := range []uint64{0, 1 << 16, 1<<63 | 1, 65535} {
		if c := p.lookup(id); c != nil {
			t.Errorf("there is a place for the id %d", id)
		}
	}
}

// As many calls as can be under way all have their place, and the first ids are short.
func TestAsManyCallsAsThereCanBe(t *testing.T) {
	var p pendingCalls
	for n := range MaxUnderWay {
		if id := p.add("call", noted{}, never); id != uint64(n+1) {
			t.Fatalf("call %d has the id %d", n, id)
		}
	}
	for n := range MaxUnderWay {
		p.take(p.lookup(uint64(n+1)), false)
	}
	if id := p.add("call", noted{}, never); id != MaxUnderWay+1<<slotBits {
		t.Errorf("the next has the id %d", id)
	}
}

// takeDue takes out what is due, and says when it is to be asked again.
func TestTakeDue(t *testing.T) {
	var p pendingCalls
	told := 0
	for n := range 10 {
		p.add("call", noted{&told}, time.Duration(n+1)*time.Second)
	}
	p.add("call", noted{&told}, never)
	for _, test := range []struct {
		now, next time.Duration
		due, left int
	}{
		{0, time.Second, 0, 11},
		{3 * time.Second, 4 * time.Second, 3, 8},
		{3500 * time.Millisecond, 4 * time.Second, 0, 8},
		{time.Hour, never, 7, 1},
		{never, never, 1, 0},
		{never, never, 0, 0},
	} {
		due, next := p.takeDue(nil, test.now)
		if len(due) != test.due || next != test.next || p.n != test.left {
			t.Errorf("at %v: %d are due, the next at %v, %d are left; want %+v", test.now, len(due), next, p.n, test)
		}
	}
}

// Times travel as milliseconds, rounded up, and none overflows.
func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]uint64{
		0: 1, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 10 * time.Second: 10000, never: 9223372036855,
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v is %d ms, want %d", d, got, want)
		}
	}
	if d := duration(1<<64 - 1); d <= 0 || after(never-5, d) != never-1 || after(5, 7) != 12 {
		t.Errorf("the longest time is %v", d)
	}
}
