package engine

// Reactors without goroutines, sockets and time of their own, for tests and simulations.

import (
	"net"
	"time"
)

// Virtual is a reactor without goroutines, sockets and time of its own: its
// loops take their turns on the caller's goroutine when the caller says so, and
// its clock goes on when the caller moves it. Everything above the transport is
// the same code as ever; conns come in by Attach.
//
// It is for tests and simulations: given the same calls in the same order,
// everything happens in the same order. It works inside a testing/synctest
// bubble, where a reactor on a poller cannot.
//
// Step, Advance and Close are for one goroutine. Calls that wait for a loop
// would wait for that goroutine, and return ErrOnLoop in callbacks as ever.
// runtime.Goexit in a callback ends the conn it happened on, and that goroutine,
// which is the caller's own: so FailNow in a callback ends the test. Another
// goroutine may go on.
type Virtual struct{ r *Reactor }

// NewVirtual makes a virtual reactor, which runs. Nil means the defaults.
func NewVirtual(cfg *Config) *Virtual { return newVirtual(cfg, nil) }

// newVirtual is NewVirtual for a Replay, too.
func newVirtual(cfg *Config, replay *replaying) *Virtual {
	r := newReactor(cfg, &clock{manual: true})
	r.virtual, r.replay = true, replay
	r.lines.Inline = true
	r.pool.pool.Fresh = true
	for _, l := range r.loops {
		l.deadlines.countsAll = replay == nil
		r.drivers = append(r.drivers, virtualDriver{})
	}
	r.state = running
	return &Virtual{r}
}

// Reactor is the reactor, for peers and for Attach.
func (v *Virtual) Reactor() *Reactor { return v.r }

// Pending reports whether a loop has something for Step to do now. While a Close or
// Shutdown closes one of the loops, there is nothing.
func (v *Virtual) Pending(loop int) bool {
	if !v.r.steps.TryLock() {
		return false
	}
	defer v.r.steps.Unlock()
	return v.r.loops[loop].hasWork()
}

// Step has a loop take one turn, as the wake-up of a poller does.
func (v *Virtual) Step(loop int) {
	l := v.r.loops[loop]
	if v.r.halted() {
		return
	}
	v.r.steps.Lock()
	defer v.r.steps.Unlock()
	l.goroutine.adopt()
	defer l.goroutine.disown()
	l.enter()
	defer l.exit()
	l.inbox.timerDue = true
	l.wokenUp()
	l.done()
}

// Settle steps all loops, in order, until none has anything to do, or until
// limit turns were taken; it reports whether all are done.
func (v *Virtual) Settle(limit int) bool {
	for limit > 0 {
		idle := true
		for i := range v.r.loops {
			if v.Pending(i) {
				v.Step(i)
				idle = false
				limit--
			}
		}
		if idle {
			return true
		}
	}
	return false
}

// Advance moves the clock. Timers that become due fire in later turns.
func (v *Virtual) Advance(d time.Duration) { v.r.clock.advance(d) }

// Next is how long it is until the first timer of any loop is due; not ok when
// there is none.
func (v *Virtual) Next() (d time.Duration, ok bool) {
	for _, l := range v.r.loops {
		if when, has := l.timers.next(); has && (!ok || when-v.r.clock.now() < d) {
			d, ok = max(when-v.r.clock.now(), 0), true
		}
	}
	return d, ok
}

// Drain begins what Shutdown begins with, and waits for nothing: every handler
// is asked to end its conversation, and so is that of every conn to come.
func (v *Virtual) Drain() {
	if v.r.startDraining() {
		for _, l := range v.r.loops {
			l.Post(l.drain)
		}
	}
}

// Close closes the reactor, on this goroutine.
func (v *Virtual) Close() { v.r.Close() }

// virtualDriver has no poller to take sockets in.
type virtualDriver struct{}

func (virtualDriver) enrol(nc net.Conn, _ *Conn) error {
	nc.Close()
	return ErrVirtual
}

func (virtualDriver) stop() {}
