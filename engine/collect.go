package engine

import (
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// heavyFrom is how much memory must wait, in bytes, for the reactor to have the
	// garbage collected: below that, what the collector leaves does not matter.
	heavyFrom = 64 << 20

	// collectEvery is how often it is then collected. Seldomer, and an attacker makes
	// more garbage meanwhile.
	collectEvery = time.Second

	// collectShare is the part of the time that collecting may take at most, as a
	// divisor, for programs with a large heap of their own.
	collectShare = 20
)

// heavy reports whether so much waits that the memory which the collector leaves
// beside it counts: by default it lets the heap grow to twice what is in use, so that
// Config.MaxTotalPending would bound half of what the process takes.
func (r *Reactor) heavy(total int64) bool {
	return total > max(int64(r.cfg.MaxTotalPending)/4, heavyFrom)
}

// collect collects the garbage while much waits, and gives the memory back to the
// system when that is over. It has a goroutine of its own, one at a time.
func (r *Reactor) collect() {
	defer r.collecting.Store(false)
	for wait := collectEvery; r.heavy(r.total.Load()); {
		select {
		case <-time.After(wait):
		case <-r.done:
			return
		}
		began := time.Now()
		runtime.GC()
		wait = max(collectEvery, collectShare*time.Since(began))
	}
	debug.FreeOSMemory()
}
