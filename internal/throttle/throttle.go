// Package throttle bounds how much is logged, whatever is done to provoke it.
package throttle

import (
	"sync"
	"time"
)

// LinesPerSecond is how many lines a Throttle lets through in a second.
const LinesPerSecond = 10

// Throttle lets so many lines through a second, and counts the others. The zero
// value is ready. Any goroutine may use it.
type Throttle struct {
	mu      sync.Mutex
	begun   time.Time
	lines   int
	skipped int
}

// Allow reports whether a line may be logged, and how many were not since the
// last one.
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

// Kinds is a Throttle for each kind of line, so that lines of one kind leave none
// of another out. Kinds are a program's constants: each that was ever asked for is
// remembered. The zero value is ready. Any goroutine may use it.
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
