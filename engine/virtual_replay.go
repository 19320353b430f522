package engine

// Replay: a reactor to which its caller does again what a Tap was told, one thing at a time.

import (
	"sync"
	"time"
)

// Replay is a reactor that does nothing by itself: its caller has it do, one after the other,
// what a Tap was told of another reactor, at the times of then. It has no sockets, and no
// workers: what is offloaded waits for Finish. Conns come in by Attach in a Do, and are opened
// at once.
//
// All methods are for one goroutine.
type Replay struct{ v *Virtual }

// replaying is what a reactor has that replays.
type replaying struct {
	mu        sync.Mutex
	offloaded map[uint64]func(decode func(v any) error, err error) // by number; guarded by mu
}

// NewReplay makes a reactor that replays. Nil means the defaults; Workers and OnCaller mean
// nothing.
func NewReplay(cfg *Config) *Replay {
	return &Replay{newVirtual(cfg, &replaying{offloaded: make(map[uint64]func(func(any) error, error))})}
}

// Reactor is the reactor, for peers.
func (p *Replay) Reactor() *Reactor { return p.v.r }

// Close closes the reactor, on this goroutine.
func (p *Replay) Close() { p.v.Close() }

// SetTime sets the clock, which Loop.Time shows. It never goes back.
func (p *Replay) SetTime(t time.Duration) {
	if d := t - p.v.r.clock.now(); d > 0 {
		p.v.r.clock.advance(d)
	}
}

// Do calls fn in a callback of the loop, as a poller does for a socket: what it writes has been
// given to the transports when Do returns, and no posted function and no timer is called.
func (p *Replay) Do(loop int, fn func()) {
	r := p.v.r
	if r.halted() {
		return
	}
	l := r.loops[loop]
	r.steps.Lock()
	defer r.steps.Unlock()
	l.goroutine.adopt()
	defer l.goroutine.disown()
	l.enter()
	defer l.exit()
	fn()
	l.done()
}

// Call calls the posted function that has waited longest. It reports whether there was one.
func (p *Replay) Call(loop int) (called bool) {
	l := p.v.r.loops[loop]
	p.Do(loop, func() {
		if len(l.inbox.taken) == 0 {
			l.inbox.beginTurn()
		}
		if t, ok := l.inbox.nextTask(); ok {
			called = true
			l.do(t)
		}
	})
	return called
}

// Fire calls the timer of that number, whenever it is due. It reports whether there is one.
func (p *Replay) Fire(loop int, number uint64) (fired bool) {
	l := p.v.r.loops[loop]
	p.Do(loop, func() {
		if t := l.timers.numbered(number); t != nil {
			fired = true
			l.timers.fire(t, l.r.clock.now(), l.callTimer)
		}
	})
	return fired
}

// Finish calls the function for the result of the Offload of that number with what decode
// sets, or with err. It reports whether there is such a call.
func (p *Replay) Finish(loop int, call uint64, decode func(v any) error, err error) bool {
	r := p.v.r.replay
	r.mu.Lock()
	done := r.offloaded[call]
	delete(r.offloaded, call)
	r.mu.Unlock()
	if done != nil {
		p.Do(loop, func() { p.v.r.call(func() { done(decode, err) }) })
	}
	return done != nil
}

// keepOffload has done wait for Finish.
func keepOffload[T any](r *replaying, call uint64, done func(T, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offloaded[call] = func(decode func(any) error, err error) {
		var v T
		if bad := decode(&v); bad != nil && err == nil {
			err = bad
		}
		done(v, err)
	}
}

// Run is Do for a function of the program's, which may panic.
func (p *Replay) Run(loop int, fn func()) {
	p.Do(loop, func() { p.v.r.call(fn) })
}

// Expire has the deadline of the conn of s come, whenever it is.
func (p *Replay) Expire(s Sink) {
	p.Do(s.Loop().index, func() {
		c := connOf(s)
		c.loop.deadlines.take(c)
		c.deadline = 0
		c.expire()
	})
}

// Press calls Pressure of the handler of the conn of s.
func (p *Replay) Press(s Sink, above bool) {
	p.Do(s.Loop().index, func() { pressureEvent{connOf(s), above}.call() })
}

// Drain calls Drain of the handler of the conn of s.
func (p *Replay) Drain(s Sink) {
	p.Do(s.Loop().index, func() { connOf(s).drain() })
}

// connOf is the conn that a transport's Sink delivers to.
func connOf(s Sink) *Conn {
	if w, ok := s.(inside); ok {
		return w.c
	}
	return s.(*connSink).conn()
}

// Left is how many posted functions and how many offloaded pieces of work wait.
func (p *Replay) Left() (posted, offloaded int) {
	for _, l := range p.v.r.loops {
		posted += l.inbox.posted()
	}
	p.v.r.replay.mu.Lock()
	defer p.v.r.replay.mu.Unlock()
	return posted, len(p.v.r.replay.offloaded)
}
