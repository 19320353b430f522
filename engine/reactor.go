package engine

// The reactor: what it consists of, and its simple accessors.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/logline"
	"github.com/packetmq/packetmq/internal/throttle"
)

// Reactor owns the loops: it runs and stops them, and brings listeners, dialled
// and attached conns onto them.
//
// Its methods may be called from any goroutine, callbacks included, except
// where one says otherwise.
type Reactor struct {
	// Set once.
	cfg     Config
	loops   []*Loop
	clock   *clock
	virtual bool       // a Virtual's: turns are taken on its caller's goroutine
	replay  *replaying // a Replay's; else nil

	// Any goroutine.
	pool    Pool
	scratch Scratch
	next    atomic.Uint32 // loop for the next conn
	work    workers
	lines   logline.Queue  // that wait for a logger
	share   throttle.Kinds // of the reactor's own lines
	steps   sync.Mutex     // held for a turn of a virtual reactor, and while one of its loops is closed

	waitsInRuntime atomic.Bool // WaitInRuntime was called

	halt     atomic.Bool // loops park before their next callback
	draining atomic.Bool
	conns    atomic.Int64 // open, or on their way in
	total    atomic.Int64 // memory of what waits for other sides, in bytes

	input      atomic.Int64 // memory of input that waits or is not whole, in bytes
	collecting atomic.Bool  // collect is under way

	offloads atomic.Uint64 // calls of Offload, while they are told to a Tap or replayed

	endCtx  context.Context // done, with the cause ErrClosed, as soon as the end begins
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when ended
	drained chan struct{} // closed when the last conn is gone; made when draining begins

	// Guarded by mu.
	mu               sync.Mutex
	cond             sync.Cond
	state            state
	parked           int
	stoppedEarly     bool          // Stop was called before the first Run, which returns at once
	still            chan struct{} // closed when every loop stands still, after a Stop
	halting          chan struct{} // of the last Stop: closed like still, or when the reactor runs on before that
	shutdownHooks    shutdownHooks
	drivers          []driver
	entering         int                    // dials, and sockets that wait for a loop to take them in
	closingListeners map[*Listener]struct{} // listeners that are not closed yet
	streams          map[*stream]struct{}   // injected conns that are not closed yet
	listeners        map[*Listener]struct{}
}

// New makes a reactor. Nil means the defaults. It holds no descriptor and no
// goroutine until it runs, or listens.
func New(cfg *Config) *Reactor { return newReactor(cfg, newClock()) }

func newReactor(cfg *Config, clock *clock) *Reactor {
	r := &Reactor{
		cfg:       cfg.withDefaults(),
		clock:     clock,
		listeners: make(map[*Listener]struct{}),
		still:     make(chan struct{}),
		done:      make(chan struct{}),
	}
	r.cond.L = &r.mu
	if r.cfg.OnCaller {
		r.parked = 1 // while nobody polls
	}
	r.endCtx, r.cancel = context.WithCancelCause(context.Background())
	r.work.max = r.cfg.Workers
	for i := range r.cfg.Loops {
		r.loops = append(r.loops, newLoop(r, i))
	}
	return r
}

// WaitInRuntime has the loops wait for input in the runtime's poller, in which goroutines wait for
// theirs, from their next callback on. It is for a program whose loops speak by sockets with goroutines of
// the same process, such as a server that is embedded: by default a loop waits in a system call, on a thread that
// nothing else uses, so each of its packets has the kernel change from one thread to another. A
// loop that waits in the runtime's poller costs a system call more for each read. It has an effect on Linux, and
// without Config.OnCaller.
func (r *Reactor) WaitInRuntime() { r.waitsInRuntime.Store(true) }

// Loops returns the loops; their number never changes. The slice is shared.
func (r *Reactor) Loops() []*Loop { return r.loops }

// Buffers is the pool that this reactor's conns take their buffers from.
func (r *Reactor) Buffers() *Pool { return &r.pool }

// Scratch has the buffers in which messages are encoded, to be copied by Conn.Queue.
func (r *Reactor) Scratch() *Scratch { return &r.scratch }

// Conns is the number of open conns, those on their way in counted.
func (r *Reactor) Conns() int { return int(r.conns.Load()) }

// DrainTime is Config.Drain.
func (r *Reactor) DrainTime() time.Duration { return r.cfg.Drain }

// Tap is Config.Tap.
func (r *Reactor) Tap() Tap { return r.cfg.Tap }

// MaxPending is Config.MaxPending.
func (r *Reactor) MaxPending() int { return r.cfg.MaxPending }

// Done is closed when the reactor has closed and every callback has returned.
// Only Acceptors may be under way still, and OnStuck; the sockets of those are
// closed when they return, and their handlers told by Unopened.
func (r *Reactor) Done() <-chan struct{} { return r.done }

// Post is Loop.Post on the first loop.
func (r *Reactor) Post(fn func()) error { return r.loops[0].Post(fn) }

// After is Loop.After on the first loop.
func (r *Reactor) After(d time.Duration, fn func()) *Timer { return r.loops[0].After(d, fn) }

// Every is Loop.Every on the first loop.
func (r *Reactor) Every(d time.Duration, fn func()) *Timer { return r.loops[0].Every(d, fn) }

// EveryNow is Loop.EveryNow on the first loop.
func (r *Reactor) EveryNow(d time.Duration, fn func()) *Timer { return r.loops[0].EveryNow(d, fn) }
