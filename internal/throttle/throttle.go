// Package throttle bounds how many lines are logged, whatever another side does to
// provoke them, and says what is one address where addresses have bounds.
package throttle

import (
	"sync"
	"time"
)

// LinesPerSecond is how many lines a Throttle allows in a second. More, and an
// attacker fills a disk sooner; fewer, and a log misses what happened.
const LinesPerSecond = 10

// Throttle allows LinesPerSecond lines in a second and counts the others. The zero
// value is ready. Any goroutine may use it.
type Throttle struct {
	mu      sync.Mutex // guards the rest
	begun   time.Time  // of the second that is counted
	lines   int        // asked for in this second
	skipped int        // not allowed since the last one that was
}

// Allow counts a line. It returns whether the line may be logged, and how many were
// skipped since the last one that could.
func (t *Throttle) Allow() (ok bool, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.begun) >= time.Second {
		t.begun, t.lines = now, 0
	}
	if t.lines++; t.lines > LinesPerSecond {
		t.skipped++
		return false, 0
	}
	skipped, t.skipped = t.skipped, 0
	return true, skipped
}

// Kinds is a Throttle for each kind of line, so that many lines of one kind do not
// suppress those of another. Every kind that was ever asked for is kept, so kinds
// must be constants. The zero value is ready. Any goroutine may use it.
type Kinds struct {
	mu    sync.Mutex
	kinds map[string]*Throttle
}

// Allow is Throttle.Allow for lines of a kind.
func (k *Kinds) Allow(kind string) (ok bool, skipped int) {
	k.mu.Lock()
	t := k.kinds[kind]
	if t == nil {
		if k.kinds == nil {
			k.kinds = make(map[string]*Throttle)
		}
		t = new(Throttle)
		k.kinds[kind] = t
	}
	k.mu.Unlock()
	return t.Allow()
}
