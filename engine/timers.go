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
	loop   *Loop
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
	ts := &t.loop.timers
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.stop(t)
}

// Reset has the timer's next call come once d has passed from now, whether it was
// waiting, stopped or called; one of Every goes on from there with its period. It
// reports whether it kept a call from coming before. On a closed reactor nothing
// comes. Any goroutine may call it.
func (t *Timer) Reset(d time.Duration) bool {
	l := t.loop
	ts := &l.timers
	when := later(l.r.clock.now(), max(d, 0))
	ts.mu.Lock()
	active := ts.stop(t)
	t.over = false
	first := ts.push(t, when)
	ts.mu.Unlock()
	if first {
		l.rearm()
	}
	return active
}

// After calls fn on the loop once d has passed, not before. Any goroutine may
// call it. The loop's clock stands still while the reactor is stopped. On a closed
// reactor the timer never comes.
func (l *Loop) After(d time.Duration, fn func()) *Timer { return l.schedule(d, 0, fn) }

// Every calls fn on the loop each time d has passed, until the timer is
// stopped. Calls that could not be made in time are left out, not made up for.
// A d below a millisecond means a millisecond. Any goroutine may call it.
func (l *Loop) Every(d time.Duration, fn func()) *Timer {
	d = max(d, time.Millisecond)
	return l.schedule(d, d, fn)
}

// EveryNow is Every with a first call at once, in the loop's next turn.
func (l *Loop) EveryNow(d time.Duration, fn func()) *Timer {
	return l.schedule(0, max(d, time.Millisecond), fn)
}

func (l *Loop) schedule(d, period time.Duration, fn func()) *Timer {
	if fn == nil { // each time it is due, it would be a fault with nobody to blame
		panic(nonNil("function", fn))
	}
	t := &Timer{loop: l, fn: fn, period: period}
	l.set(t, d)
	return t
}

// everyHidden is Every for a timer that no Tap is told of.
func (l *Loop) everyHidden(d time.Duration, fn func()) *Timer {
	t := &Timer{loop: l, fn: fn, period: d, hidden: true}
	l.set(t, d)
	return t
}

// set has t come once d has passed.
func (l *Loop) set(t *Timer, d time.Duration) {
	if l.timers.add(t, later(l.r.clock.now(), max(d, 0))) {
		l.rearm()
	}
}

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

// add reports whether t is the first one due now.
func (ts *timers) add(t *Timer, when time.Duration) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.push(t, when)
}

// push is add with ts.mu held.
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
func (ts *timers) afterGoexit(now time.Duration) {
	if t := ts.firing; t != nil {
		ts.firing = nil
		ts.again(t, now)
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

// runTimers calls the functions of the timers that were due when it began. A timer that a
// callback makes waits for the next turn, so that no timer can keep the loop to itself.
func (l *Loop) runTimers() {
	now, seq := l.r.clock.now(), l.timers.last()
	for range maxTasks {
		if l.r.halted() {
			break
		}
		t := l.timers.due(now, seq)
		if t == nil {
			break
		}
		l.fire(t, now)
	}
	if l.timers.isDue(l.r.clock.now()) {
		l.inbox.noteTimer() // the alarm is a goroutine, which a busy machine is in no hurry to run
		return
	}
	l.rearm()
}

// fire calls t, which has been taken out and was due at now.
func (l *Loop) fire(t *Timer, now time.Duration) {
	l.timers.firing = t
	if l.tap != nil && t.number > 0 {
		l.tap.Fired(l, t.number)
	}
	l.r.call(t.fn)
	l.timers.firing = nil
	l.timers.again(t, now)
}

// rearm sets the alarm to the first timer.
func (l *Loop) rearm() {
	if when, ok := l.timers.next(); ok && !l.r.virtual {
		l.timers.alarm.set(max(when-l.r.clock.now(), 0), l.inbox.poke)
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
