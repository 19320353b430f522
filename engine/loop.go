package engine

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/ringbuf"
)

// Loop is one goroutine on which every callback of its conns, timers and
// posted functions runs, one at a time. When runtime.Goexit ends it, another one
// takes its place.
//
// Its methods may be called from any goroutine.
type Loop struct {
	r     *Reactor
	index int

	mu      sync.Mutex
	bell    func() // has the driver call turn, soon; nil while there is no driver
	tasks   ringbuf.Ring[task]
	looked  []*Conn // conns that another goroutine asks something of
	ringing bool    // the bell was rung and turn has not begun
	alarmed bool    // a timer is due
	shut    bool    // no more is taken
	goid    uint64  // the loop's goroutine

	// turns is odd while a callback is under way, which looks at asked when it
	// ends; asked is that there may be something in tasks, looked or alarmed.
	// Who asks sets asked and then reads turns, the loop ends the callback and
	// then reads asked: one of the two sees the other, and a callback that
	// nobody asked anything needs no lock. The watchdog reads turns too.
	turns atomic.Uint64
	asked atomic.Bool

	timers   timers
	alarmMu  sync.Mutex
	alarm    *time.Timer
	alarmOff bool

	// The loop's alone.
	buffers   *Cache
	conns     []*Conn
	sockets   int     // of them, those that a poller serves
	ready     []*Conn // conns with input held back
	round     []*Conn // of these, the ones that have their share now
	served    int     // of the round
	dirty     []*Conn // conns to flush
	gather    gathering
	rest      queue   // of the one that is being flushed, what is not written yet
	congested []*Conn // conns whose transport holds output
	recheck   *Timer  // while any conn is congested
	wheel     wheel
	pressed   []pressure // that are to be told
	lost      []burial   // conns whose end is to be reported
	untaken   []byte     // input that a socket takes behind the flush that is under way
	batch     []task     // of this turn, from batched on
	batched   int
	spare     []*Conn // looked, the other of two
	looking   []*Conn // looked, while it is gone through
	firing    *Timer  // being called
	end       func()  // the closing that is under way
	closing   bool
	finished  bool // the callback came to its end
}

// task is a posted function, or a conn that was attached.
type task struct {
	fn func()
	c  *Conn
}

// burial is a conn whose Closed is to be called.
type burial struct {
	c   *Conn
	err error
}

// recheckEvery is how often a congested conn is looked at: no driver tells
// when output has drained.
const recheckEvery = 5 * time.Millisecond

// Post has fn called on the loop, behind all that was posted before it. It
// never blocks. What is still posted when the reactor closes is dropped.
func (l *Loop) Post(fn func()) error { return l.post(task{fn: fn}) }

func (l *Loop) post(t task) error {
	l.mu.Lock()
	if l.shut {
		l.mu.Unlock()
		return ErrClosed
	}
	l.tasks.Push(t)
	l.ringUnlock()
	return nil
}

// Call has fn called on the loop and waits until it has returned, ctx is done,
// or the reactor has closed. It may not be called on the loop itself.
func (l *Loop) Call(ctx context.Context, fn func()) error {
	if l.r.OnLoop() {
		return ErrOnLoop
	}
	called := make(chan struct{})
	if err := l.Post(func() { defer close(called); fn() }); err != nil {
		return err
	}
	select {
	case <-called:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.r.done:
		select {
		case <-called:
			return nil
		default:
			return ErrClosed
		}
	}
}

// Halted reports whether the reactor was stopped and the callback under way
// should return soon; what it leaves waits for the next Run.
func (l *Loop) Halted() bool { return l.r.halted() }

// Index is the loop's place in Reactor.Loops.
func (l *Loop) Index() int { return l.index }

// Buffers are the reactor's, for the loop's own goroutine: they may come from
// it and go back to it without an atomic operation.
func (l *Loop) Buffers() *Cache { return l.buffers }

// Reactor is the loop's owner.
func (l *Loop) Reactor() *Reactor { return l.r }

// look has the loop answer what c was asked.
func (l *Loop) look(c *Conn) {
	l.mu.Lock()
	if l.shut {
		l.mu.Unlock()
		return
	}
	l.looked = append(l.looked, c)
	l.ringUnlock()
}

// poke has the loop take a turn to look at its timers and at the reactor.
func (l *Loop) poke() {
	l.mu.Lock()
	l.alarmed = true
	l.ringUnlock()
}

// ringUnlock says that something was asked. It rings the bell if nobody looks
// otherwise, and at most once until the turn. It unlocks l.mu.
func (l *Loop) ringUnlock() {
	l.asked.Store(true)
	ring := l.turns.Load()%2 == 0 && !l.ringing && l.bell != nil
	if ring {
		l.ringing = true
	}
	bell := l.bell
	l.mu.Unlock()
	if ring {
		bell()
	}
}

// setBell gives the loop its bell, or takes it away. What was posted before
// rings once the reactor runs.
func (l *Loop) setBell(bell func()) {
	l.mu.Lock()
	l.bell, l.ringing = bell, false
	l.mu.Unlock()
}

// enqueue gives c a share of a coming turn. On the loop only.
func (l *Loop) enqueue(c *Conn) {
	if !c.queued && c.phase != closed {
		c.queued = true
		l.ready = append(l.ready, c)
	}
}

// enter begins a callback of the driver; exit ends it.
func (l *Loop) enter() {
	if l.r.halted() {
		if len(l.dirty) > 0 { // what was gathered does not wait for the next Run
			l.begin()
			l.flush()
			l.leave()
			l.exit()
		}
		l.r.park()
	}
	l.begin()
}

// begin is enter, whatever is halted.
func (l *Loop) begin() {
	l.turns.Store(l.turns.Load() + 1)
	l.finished = false
}

// done is called at the end of a callback's work, before exit: exit without
// done is a goroutine that runtime.Goexit is ending, and the next one goes on
// with what is left.
func (l *Loop) done() {
	for range 2 { // twice, so that an answer to what was just asked goes out at once; not for ever
		if l.asked.Load() {
			l.takeLooked()
		}
		l.settle()
		if !l.asked.Load() {
			break
		}
	}
	l.leave()
}

// leave is done without what it sends and reports.
func (l *Loop) leave() {
	l.buffers.Settle()
	l.finished = true
}

func (l *Loop) exit() {
	if !l.finished {
		l.mend()
	}
	l.turns.Store(l.turns.Load() + 1)
	if !l.asked.Load() && len(l.batch) == 0 && !l.hasReady() && !l.r.halted() {
		return
	}
	l.mu.Lock()
	// Halted: what called for a turn to park may have been taken by this one.
	busy := l.r.halted() || l.stillAsked() || len(l.batch) > 0 || l.hasReady()
	ring := busy && !l.ringing && l.bell != nil
	if ring {
		l.ringing = true
	}
	bell := l.bell
	l.mu.Unlock()
	if ring {
		bell()
	}
}

// stillAsked brings asked up to date. l.mu is held.
func (l *Loop) stillAsked() bool {
	asked := l.alarmed || l.tasks.Len() > 0 || len(l.looked) > 0
	l.asked.Store(asked)
	return asked
}

// mend has the next turn do what Goexit kept this callback from doing. All else
// that a callback works on is where the next one looks for it.
func (l *Loop) mend() {
	if t := l.firing; t != nil {
		l.firing = nil
		l.timers.again(t, l.r.clock.now())
	}
	if len(l.wheel.expired) > 0 {
		l.Post(l.wheel.tell)
	}
	l.rest.clear(&l.r.pool) // of a Wrapper's transport, as is what is untaken: its conn has ended
	l.untaken = nil
	if l.r.draining.Load() {
		l.Post(l.drain)
	}
	if l.end != nil {
		l.Post(l.end)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarmed = true // there is always a turn: for the timers, and to settle
	l.asked.Store(true)
	if len(l.looking) > 0 {
		rest := slices.DeleteFunc(l.looking, func(c *Conn) bool { return c == nil })
		l.looked = append(rest, l.looked...)
		l.looking, l.spare = nil, nil
	}
}

// turn is the bell's callback: posted functions, timers, and the conns whose
// input was held back, each in order and each bounded, between enter and exit.
func (l *Loop) turn() {
	if cap(l.batch) == 0 {
		l.batch = make([]task, 0, maxTasks)
	}
	l.gathered()
	l.mu.Lock()
	l.ringing = false
	alarmed := l.alarmed
	l.alarmed = false
	if len(l.batch) == 0 {
		l.batch = l.batch[:l.tasks.PopInto(l.batch[:maxTasks])]
	}
	l.mu.Unlock()

	for l.batched < len(l.batch) && !l.r.halted() {
		t := l.batch[l.batched]
		l.batch[l.batched] = task{}
		l.batched++
		l.do(t)
	}
	if l.batched == len(l.batch) { // else a task stopped the reactor
		l.batched = 0
		l.batch = l.batch[:0]
	}
	if alarmed {
		l.runTimers()
	}
	if l.asked.Load() {
		l.takeLooked()
	}
	l.settle()
	l.runReady()
}

// runReady gives each waiting conn its share, in order, until the turn's
// budget is used up. Flushing what they wrote can make others ready: the two
// ends of a memory pair on one loop talk here without a system call.
func (l *Loop) runReady() {
	if !l.hasReady() {
		return
	}
	budget := turnBudget
	if l.sockets == 0 {
		budget = turnAlone
	}
	end := time.Now().Add(budget)
	for shares := 0; shares < maxShares && !l.r.halted() && l.hasReady(); {
		if l.served == len(l.round) {
			l.round, l.ready, l.served = l.ready, l.round[:0], 0
		}
		for l.served < len(l.round) && shares < maxShares && !l.r.halted() {
			c := l.round[l.served]
			l.round[l.served] = nil
			l.served++
			c.queued = false
			if c.phase != closed && c.pump() {
				l.enqueue(c)
			}
			if shares++; shares%16 == 0 && !l.r.virtual && time.Now().After(end) {
				shares = maxShares
			}
		}
		l.settle()
	}
}

func (l *Loop) hasReady() bool { return len(l.ready) > 0 || l.served < len(l.round) }

// takeLooked answers what other goroutines ask of conns.
func (l *Loop) takeLooked() {
	l.mu.Lock()
	looked := l.looked
	if len(looked) == 0 {
		l.mu.Unlock()
		return
	}
	l.looked = l.spare[:0]
	l.mu.Unlock()
	l.looking = looked
	for i, c := range looked {
		looked[i] = nil
		c.answer()
	}
	l.looking = nil
	l.spare = looked[:0]
}

// settle sends what callbacks wrote, tells of pressure, and reports the conns that
// ended, until nothing of these is left.
func (l *Loop) settle() {
	for len(l.dirty) > 0 || len(l.lost) > 0 || len(l.pressed) > 0 {
		l.flush()
		for i := 0; i < len(l.pressed); i++ {
			p := l.pressed[i]
			l.pressed[i] = pressure{} // once, even if the callback calls Goexit
			if p.c != nil {
				p.tell()
			}
		}
		l.pressed = l.pressed[:0]
		for i := 0; i < len(l.lost); i++ {
			b := l.lost[i]
			l.lost[i] = burial{} // once, even if the callback calls Goexit
			if b.c != nil {
				l.report(b)
			}
		}
		l.lost = l.lost[:0]
	}
}

// flush sends what callbacks wrote.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // it may grow
		c := l.dirty[i]
		l.dirty[i] = nil
		if c != nil { // else done, before a Goexit
			c.flush()
		}
	}
	l.dirty = l.dirty[:0]
}

func (l *Loop) report(b burial) {
	returned := false
	defer l.r.forget()
	defer l.caught(nil, &returned)
	b.c.handler.Closed(b.c, b.err)
	returned = true
}

func (l *Loop) congest(c *Conn) {
	l.congested = append(l.congested, c)
	if l.recheck == nil {
		l.recheck = l.Every(recheckEvery, l.relieve)
	}
}

// relieve looks again at the congested conns.
func (l *Loop) relieve() {
	for i := 0; i < len(l.congested); {
		c := l.congested[i]
		if !c.relieved() {
			i++
			continue
		}
		// Taken out one by one, since Pressure may have called Goexit.
		c.congested = false
		last := len(l.congested) - 1
		l.congested[i] = l.congested[last]
		l.congested[last] = nil
		l.congested = l.congested[:last]
	}
	if len(l.congested) == 0 {
		l.recheck.Stop()
		l.recheck = nil
	}
}

func (l *Loop) do(t task) {
	if t.c != nil {
		t.c.start()
		return
	}
	l.run(t.fn)
}

// run calls fn, and goes on if it panics.
func (l *Loop) run(fn func()) {
	returned := false
	defer l.caught(nil, &returned)
	fn()
	returned = true
}

// caught is deferred around every callback: a panic or a Goexit ends the conn it
// happened on and nothing else. A callback that has neither returned nor
// panicked has called Goexit.
func (l *Loop) caught(c *Conn, returned *bool) {
	v := recover()
	if *returned {
		return
	}
	if c != nil && c.phase == open {
		if f, ok := c.handler.(Failer); ok {
			c.failed(f, v)
			return
		}
	}
	err := l.mishap(v)
	if c != nil && !c.ending() {
		c.kill(err)
	}
}

// mishap logs a panic with v, or a Goexit if that is nil, and returns it.
func (l *Loop) mishap(v any) error {
	stack := debug.Stack()
	if v == nil {
		l.r.log(slog.LevelError, "callback called runtime.Goexit", "stack", string(stack))
		return ErrGoexit
	}
	l.r.log(slog.LevelError, "callback panicked", "panic", v, "stack", string(stack))
	return &PanicError{v, stack}
}

// failed lets the handler say a last word. Should that fail too, the conn ends
// all the same.
func (c *Conn) failed(f Failer, v any) {
	var err error
	if v != nil {
		err = &PanicError{v, debug.Stack()}
	} else {
		err = c.loop.mishap(nil)
	}
	defer func() {
		if !c.ending() {
			c.kill(err)
		}
	}()
	returned := false
	defer c.loop.caught(nil, &returned)
	f.Failed(c, err)
	returned = true
}

// adopt makes the calling goroutine the loop's.
func (l *Loop) adopt() {
	id := goid()
	l.mu.Lock()
	l.goid = id
	l.mu.Unlock()
}

// closeHere closes a loop that has no goroutine, on one that it makes, and on
// another one when a callback calls Goexit there.
func (l *Loop) closeHere(err error) {
	for done := false; !done; {
		left := make(chan struct{})
		go func() {
			defer close(left)
			l.adopt()
			defer l.disown()
			l.close(err)
			done = true
		}()
		<-left
	}
}

// disown takes adopt back.
func (l *Loop) disown() {
	l.mu.Lock()
	l.goid = 0
	l.mu.Unlock()
}

// closeAndTell is close, begun anew when a callback calls Goexit.
func (l *Loop) closeAndTell(err error, closed chan struct{}) {
	l.end = func() { l.closeAndTell(err, closed) }
	defer func() {
		if v := recover(); v != nil {
			close(closed)
			panic(v)
		}
	}()
	l.close(err)
	l.end = nil
	close(closed)
}

// close ends every conn, on the loop or, where that does not run, in its place.
func (l *Loop) close(err error) {
	l.closing = true
	l.settle() // in place of the loop, nobody has reported yet what ended before
	for len(l.conns) > 0 {
		l.conns[len(l.conns)-1].kill(err)
		l.settle()
	}
	l.settle()
	for l.batched < len(l.batch) {
		t := l.batch[l.batched]
		l.batched++
		l.drop(t)
	}
	l.batch, l.batched = nil, 0
	for {
		l.mu.Lock()
		t, ok := l.tasks.Pop()
		if !ok {
			l.shut = true
			l.looked = nil
			l.mu.Unlock()
			break
		}
		l.mu.Unlock()
		l.drop(t)
	}
	l.timers.clear()
	l.silence()
	l.ready, l.round, l.served = nil, nil, 0
	l.congested, l.pressed = nil, nil
	l.buffers.Clear()
}

// drop ends a task that is not to run: a conn that was attached is refused.
func (l *Loop) drop(t task) {
	if t.c != nil {
		t.c.refuse()
	}
}
