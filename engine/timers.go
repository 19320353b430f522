package engine

// Timers whose functions are called on a loop.

import (
	"container/heap"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Timer is a callback that is due on a loop.
type Timer struct {
	in     *timers
	fn     func()
	when   time.Duration // on the loop's clock
	period time.Duration // 0: once
	over   bool          // stopped
	seq    uint64        // order among equals; also tells a turn's own timers
	slot   int           // place in the heap, -1 when not in it
	number uint64        // as a Tap is told; 0: it is not
	hidden bool          // no Tap is told: the engine's own, which come and go with what the kernel takes
}

// Stop takes the timer back. It reports whether that kept a call from coming.
// Called on the timer's loop, no call comes after it; from elsewhere one may be
// under way.
func (t *Timer) Stop() bool {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	return t.in.stop(t)
}

// Reset has the timer's next call come once d has passed from now, whether it was
// waiting, stopped or called; one of Every goes on from there with its period. It
// reports whether it kept a call from coming before. On a closed reactor nothing
// comes. Any goroutine may call it.
func (t *Timer) Reset(d time.Duration) bool { return t.in.reset(t, d) }

// later is now+d, at most the end of time.
func later(now, d time.Duration) time.Duration {
	if d > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + d
}

// timers are a loop's timers, in a heap by when they are due. The lock is held for heap
// operations only, never during a callback.
type timers struct {
	// Set once.
	clock *clock
	inbox *inbox // is told that a timer is due

	// Any goroutine.
	first atomic.Int64 // when the first one is due, plus 1; 0: never
	alarm alarm

	// Guarded by mu.
	mu      sync.Mutex
	heap    timerHeap
	seq     uint64
	numbers uint64 // of those that a Tap is told
	shut    bool   // no more is taken

	firing *Timer // is being called. Loop only.
}

// alarm is the runtime's timer that wakes the loop for the first of its own.
type alarm struct {
	mu    sync.Mutex
	timer *time.Timer
	off   bool // for good
}

// set has wake called after d.
func (a *alarm) set(d time.Duration, wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.off:
	case a.timer == nil:
		a.timer = time.AfterFunc(d, wake)
	default:
		a.timer.Reset(d)
	}
}

// stop stops the alarm for good.
func (a *alarm) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// after makes a timer that comes once d has passed. Any goroutine may call it.
func (ts *timers) after(d time.Duration, fn func()) *Timer {
	return ts.add(&Timer{fn: fn}, d)
}

// every makes a timer that comes each time period has passed, for the first time once d has.
// Any goroutine may call it.
func (ts *timers) every(d, period time.Duration, fn func()) *Timer {
	return ts.add(&Timer{fn: fn, period: period}, d)
}

// everyHidden is every for a timer that no Tap is told of.
func (ts *timers) everyHidden(period time.Duration, fn func()) *Timer {
	return ts.add(&Timer{fn: fn, period: period, hidden: true}, period)
}

// add has t come once d has passed.
func (ts *timers) add(t *Timer, d time.Duration) *Timer {
	if t.fn == nil { // each time it is due, it would be a fault with nobody to blame
		panic(nonNil("function", t.fn))
	}
	t.in, t.slot = ts, -1
	ts.reset(t, d)
	return t
}

// reset is Timer.Reset.
func (ts *timers) reset(t *Timer, d time.Duration) (active bool) {
	when := later(ts.clock.now(), max(d, 0))
	ts.mu.Lock()
	active = ts.stop(t)
	t.over = false
	first := ts.push(t, when)
	ts.mu.Unlock()
	if first {
		ts.rearm()
	}
	return active
}

// push puts t in. It reports whether t is the first one due now. ts.mu is held.
func (ts *timers) push(t *Timer, when time.Duration) bool {
	ts.seq++
	t.when, t.seq, t.slot = when, ts.seq, -1
	if ts.shut {
		return false
	}
	if !t.hidden {
		ts.numbers++
		t.number = ts.numbers
	}
	heap.Push(&ts.heap, t)
	ts.note()
	return t.slot == 0
}

// stop takes t out; it reports whether a call was to come. ts.mu is held.
func (ts *timers) stop(t *Timer) bool {
	waits := t.slot >= 0
	if waits {
		ts.remove(t)
	}
	active := waits || t.period > 0 && !t.over && !ts.shut // in its own call
	t.over = true
	return active
}

// remove takes t out of the heap. ts.mu is held.
func (ts *timers) remove(t *Timer) {
	heap.Remove(&ts.heap, t.slot)
	ts.note()
}

// note notes when the first one is due. ts.mu is held.
func (ts *timers) note() {
	if len(ts.heap) == 0 {
		ts.first.Store(0)
		return
	}
	ts.first.Store(int64(min(ts.heap[0].when, math.MaxInt64-1) + 1))
}

// due takes the next timer that was due at now and made before seq.
func (ts *timers) due(now time.Duration, seq uint64) *Timer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.heap) == 0 || ts.heap[0].when > now || ts.heap[0].seq > seq {
		return nil
	}
	t := heap.Pop(&ts.heap).(*Timer)
	ts.note()
	return t
}

// numbered takes out the timer of that number, or returns nil.
func (ts *timers) numbered(number uint64) *Timer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.heap {
		if t.number == number {
			ts.remove(t)
			return t
		}
	}
	return nil
}

// again puts a periodic timer back, at the next of its moments after now.
func (ts *timers) again(t *Timer, now time.Duration) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.period == 0 || t.over || t.slot >= 0 {
		return
	}
	missed := (now - t.when) / t.period
	ts.push(t, later(t.when+missed*t.period, t.period))
}

// next returns the moment the first timer is due.
func (ts *timers) next() (when time.Duration, ok bool) {
	first := ts.first.Load()
	return time.Duration(first - 1), first != 0
}

// waiting is how many timers are not due yet.
func (ts *timers) waiting() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.heap)
}

// isDue reports whether a timer is due at now. It takes no lock, so that each turn
// can ask.
func (ts *timers) isDue(now time.Duration) bool {
	when, ok := ts.next()
	return ok && when <= now
}

func (ts *timers) last() uint64 {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.seq
}

// afterGoexit puts the timer back whose function called Goexit.
func (ts *timers) afterGoexit() {
	if t := ts.firing; t != nil {
		ts.firing = nil
		ts.again(t, ts.clock.now())
	}
}

// clear takes all timers out, and no more in.
func (ts *timers) clear() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.heap {
		t.slot = -1
	}
	ts.heap, ts.shut = nil, true
	ts.note()
}

// run has call call each timer that was due when run began, unless halted reports true. A
// timer that a callback makes waits for the next turn, so that no timer can keep the loop to
// itself. On the loop only.
func (ts *timers) run(halted func() bool, call func(t *Timer)) {
	now, seq := ts.clock.now(), ts.last()
	for range maxTasks {
		if halted() {
			break
		}
		t := ts.due(now, seq)
		if t == nil {
			break
		}
		ts.fire(t, now, call)
	}
	if ts.isDue(ts.clock.now()) {
		ts.inbox.noteTimer() // the alarm is a goroutine, which a busy machine is in no hurry to run
		return
	}
	ts.rearm()
}

// fire has call call t, which has been taken out and was due at now.
func (ts *timers) fire(t *Timer, now time.Duration, call func(t *Timer)) {
	ts.firing = t
	call(t)
	ts.firing = nil
	ts.again(t, now)
}

// rearm sets the alarm to the first timer. Who moves a manual clock looks at the timers, too.
func (ts *timers) rearm() {
	if when, ok := ts.next(); ok && !ts.clock.manual {
		ts.alarm.set(max(when-ts.clock.now(), 0), ts.inbox.poke)
	}
}

type timerHeap []*Timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].when != h[j].when {
		return h[i].when < h[j].when
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*Timer)
	t.slot = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.slot = -1
	return t
}
