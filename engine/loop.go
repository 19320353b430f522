package engine

import (
	"context"
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
	r          *Reactor
	index      int
	hand       *handover // with Config.OnCaller, once it runs
	commitFrom int       // with how many bytes written Commit has something to do

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
	sockets   int                 // of them, those that a poller serves
	ready     []*Conn             // conns with input held back
	later     ringbuf.Ring[*Conn] // those of them that had a share of it
	round     int                 // how many of these have their share in this round
	served    int                 // how many had it
	dear      bool                // a share was of long input, which may have taken long
	dirty     []*Conn             // conns to flush
	batching  batching
	flooding  flooding
	rest      queue   // of the one that is being flushed, what is not written yet
	congested lookout // conns whose transport holds output, and tells nobody when that has gone
	watched   lookout // those whose transport tells
	writable  *writable
	waiting   int  // memory that output of its conns takes in their transports, in bytes
	crowded   bool // conns are to be ended, for all of them together have too much waiting
	wheel     wheel
	kept      keeping
	pressed   []pressure    // that are to be told
	lost      []closedEvent // conns whose end is to be reported
	untaken   []byte        // input that a socket takes behind the flush that is under way
	batch     []task        // of this turn, from batched on
	batched   int
	rounds    uint64  // turns that the bell began
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

// Post has fn called on the loop, behind all that was posted before it. It
// never blocks. What is still posted when the reactor closes is dropped.
func (l *Loop) Post(fn func()) error {
	if fn == nil {
		return need("function", fn)
	}
	return l.post(task{fn: fn})
}

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
// or the reactor has closed. With an error, fn was not called and will not be,
// unless ctx was done while it ran. It may not be called on the loop itself.
func (l *Loop) Call(ctx context.Context, fn func()) error {
	if fn == nil {
		return need("function", fn)
	}
	if l.r.OnLoop() {
		return ErrOnLoop
	}
	var taken atomic.Bool // by the loop, or by who waits no longer
	called := make(chan struct{})
	err := l.Post(func() {
		if !taken.Swap(true) {
			defer close(called)
			fn()
		}
	})
	if err != nil {
		return err
	}
	select {
	case <-called:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.r.done:
		err = ErrClosed
	}
	taken.Store(true)
	select {
	case <-called:
		return nil
	default:
		return err
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

// Here reports whether it is called on the loop. It takes about a microsecond.
func (l *Loop) Here() bool { return l.isOn(goid()) }

// isOn reports whether the loop is on the goroutine with this number.
func (l *Loop) isOn(goroutine uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.goid == goroutine
}

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
	l.unlockAndRing(l.turns.Load()%2 == 0)
}

// unlockAndRing rings the bell if that is wanted and it is not ringing. It
// reports whether a turn is on its way. It unlocks l.mu.
func (l *Loop) unlockAndRing(wanted bool) bool {
	ring := wanted && !l.ringing && l.bell != nil
	if ring {
		l.ringing = true
	}
	coming, bell := l.ringing, l.bell
	l.mu.Unlock()
	if ring {
		bell()
	}
	return coming
}

// setBell gives the loop its bell, or takes it away. What was posted before
// rings once the reactor runs.
func (l *Loop) setBell(bell func()) {
	l.mu.Lock()
	l.bell, l.ringing = bell, false
	l.mu.Unlock()
}

// enqueueLater gives c, which had a share and has input left, another one after the
// conns that are ready: one such conn a round. On the loop only.
func (l *Loop) enqueueLater(c *Conn) {
	if !c.flags.has(inReady) && c.state != closed {
		c.flags.set(inReady)
		l.later.Push(c)
	}
}

// enqueue gives c a share of a coming turn. On the loop only.
func (l *Loop) enqueue(c *Conn) {
	if !c.flags.has(inReady) && c.state != closed {
		c.flags.set(inReady)
		l.ready = append(l.ready, c)
	}
}

// enter begins a callback of the driver; exit ends it.
func (l *Loop) enter() {
	if l.r.halted() && l.hand == nil { // a goroutine that polls returns instead
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
	l.buffers.settle()
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
	l.unlockAndRing(l.r.halted() || l.stillAsked() || len(l.batch) > 0 || l.hasReady())
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

// adopt makes the calling goroutine the loop's.
func (l *Loop) adopt() {
	id := goid()
	l.mu.Lock()
	l.goid = id
	l.mu.Unlock()
}

// summon has the loop take a turn after the sockets that are ready now. It reports
// whether one is on its way. On the loop only.
func (l *Loop) summon() (coming bool) {
	l.mu.Lock()
	return l.unlockAndRing(true)
}

// due reports whether a turn would find something to do. Only who takes the turns
// may call it.
func (l *Loop) due() bool {
	if l.timers.isDue(l.r.clock.now()) {
		return true
	}
	if len(l.dirty) > 0 || len(l.pressed) > 0 || len(l.lost) > 0 { // what a Goexit kept from being settled
		return true
	}
	if len(l.wheel.due) > 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.batch) > 0 || l.tasks.Len() > 0 || len(l.looked) > 0 || l.hasReady()
}

// disown takes adopt back.
func (l *Loop) disown() {
	l.mu.Lock()
	l.goid = 0
	l.mu.Unlock()
}
