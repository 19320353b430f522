package engine

// When much waits, garbage is collected early, so that the bounds on what waits hold
// for the memory of the process too.

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heavyFrom is how much memory must wait, in bytes, for the reactor to have the
	// garbage collected: below that, what the collector leaves does not matter.
	heavyFrom = 64 << 20

	// collectLook is how often the heap is looked at then: it takes a microsecond, and
	// in that time an attacker makes less garbage than the part below.
	collectLook = 50 * time.Millisecond

	// collectPart is by which part of the bound the heap may have grown since the last
	// time before it is collected, as a divisor.
	collectPart = 8

	// collectShare is how many times as long as it took passes at least until the next
	// time, for programs with a large heap of their own.
	collectShare = 3
)

// heavy reports whether so much waits, of output or of input, that the memory which
// the collector leaves beside it counts: by default it lets the heap grow to twice
// what is in use, so that Config.MaxTotalPending and MaxTotalInput would bound half of
// what the process takes.
func (r *Reactor) heavy() bool {
	return weighs(r.total.Load(), r.cfg.MaxTotalPending) || weighs(r.input.Load(), r.cfg.MaxTotalInput)
}

// weighs reports whether n bytes count, of as many as limit.
func weighs(n int64, limit int) bool { return n > max(int64(limit)/4, heavyFrom) }

// lighten has the garbage collected from now on where what waits is heavy.
func (r *Reactor) lighten() {
	if r.heavy() && !r.virtual && r.collecting.CompareAndSwap(false, true) {
		go r.collect()
	}
}

// collect collects the garbage while much waits, and gives the memory back to the
// system when that is over. It has a goroutine of its own, one at a time.
func (r *Reactor) collect() {
	defer r.collecting.Store(false)
	grown := max(uint64(min(r.cfg.MaxTotalPending, r.cfg.MaxTotalInput)/collectPart), heavyFrom/collectPart)
	floor, next := heapBytes(), time.Now()
	look := time.NewTicker(collectLook)
	defer look.Stop()
	for r.heavy() {
		select {
		case <-look.C:
		case <-r.done:
			return
		}
		if began := time.Now(); began.After(next) && heapBytes() >= floor+grown {
			debug.FreeOSMemory()
			next = time.Now().Add(collectShare * time.Since(began))
			floor = heapBytes()
		}
	}
	runtime.GC() // a pool gives up in two collections what nobody wants
	debug.FreeOSMemory()
}

// heapBytes is how much of the heap is in use, garbage included, in bytes.
func heapBytes() uint64 {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	return heap[0].Value.Uint64()
}
