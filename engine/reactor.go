package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/logline"
	"github.com/packetmq/packetmq/internal/procs"
	"github.com/packetmq/packetmq/internal/throttle"
)

// state is what a Reactor is doing.
type state uint8

const (
	idle    state = iota // not run yet
	running              //
	stopped              // every loop is parked
	ending               // conns are being closed
	ended
)

// Reactor owns the loops: it runs and stops them, and brings listeners, dialled
// and attached conns onto them.
//
// Its methods may be called from any goroutine, callbacks included, except
// where one says otherwise.
type Reactor struct {
	cfg   Config
	loops []*Loop
	pool  Pool
	clock *clock
	next  atomic.Uint32 // loop for the next conn
	work  workers
	lines logline.Queue  // that wait for a logger
	share throttle.Kinds // of the reactor's own lines

	virtual bool       // a Virtual's: turns are taken on its caller's goroutine
	steps   sync.Mutex // held for a turn of a virtual one, and while a loop of it is closed

	halt     atomic.Bool // loops park at the next chance
	draining atomic.Bool
	conns    atomic.Int64 // open, or on their way in
	total    atomic.Int64 // memory of what waits for other sides, in bytes

	collecting atomic.Bool  // collect is under way
	input      atomic.Int64 // bytes kept of input that is not whole

	endCtx context.Context // done, with the cause ErrClosed, as soon as the end begins
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	cond     sync.Cond
	state    state
	parked   int
	vain     bool          // Stop was called before the first Run, which returns at once
	still    chan struct{} // closed when every loop stands still, after a Stop
	halting  chan struct{} // likewise, or when the reactor runs on before that; of the last Stop
	triggers triggers
	drivers  []driver
	inside   int                    // dials, and sockets that wait for a loop to take them in
	closing  map[*Listener]struct{} // listeners that are not closed yet
	streams  map[*stream]struct{}   // injected conns that are not closed yet
	lns      map[*Listener]struct{}
	done     chan struct{} // closed when ended
	drained  chan struct{} // closed when the last conn is gone, while draining
}

// driver brings a loop's events: it owns the goroutine that calls enter, turn
// and exit.
type driver interface {
	// enrol takes nc over, socket and all, and opens c over it.
	enrol(nc net.Conn, c *Conn) error
	// stop ends the goroutine once it is back from its callback.
	stop()
}

// New makes a reactor. Nil means the defaults. It holds no descriptor and no
// goroutine until it runs, or listens.
func New(cfg *Config) *Reactor {
	r := &Reactor{
		cfg:   cfg.withDefaults(),
		clock: newClock(),
		lns:   make(map[*Listener]struct{}),
		still: make(chan struct{}),
		done:  make(chan struct{}),
	}
	r.cond.L = &r.mu
	if r.cfg.OnCaller {
		r.parked = 1 // while nobody polls
	}
	r.endCtx, r.cancel = context.WithCancelCause(context.Background())
	r.work.max = r.cfg.Workers
	for i := range r.cfg.Loops {
		r.loops = append(r.loops, &Loop{r: r, index: i, buffers: r.pool.Cache(), commitFrom: min(unloadFrom, r.cfg.MaxPending)})
	}
	return r
}

// Loops returns the loops; their number never changes. The slice is shared.
func (r *Reactor) Loops() []*Loop { return r.loops }

// Buffers is the pool that this reactor's conns take their buffers from.
func (r *Reactor) Buffers() *Pool { return &r.pool }

// Conns is the number of open conns, those on their way in counted.
func (r *Reactor) Conns() int { return int(r.conns.Load()) }

// DrainTime is Config.Drain.
func (r *Reactor) DrainTime() time.Duration { return r.cfg.Drain }

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

// Run runs the reactor until it is stopped, shut down or closed; then it
// returns nil, when every loop stands still: no callback runs any more. After a
// Stop before the first Run, that Run returns at once. It may not be called on a
// loop. With Config.OnCaller the callbacks run on the calling goroutine.
func (r *Reactor) Run() error {
	if r.cfg.OnCaller {
		return r.runHere()
	}
	if r.OnLoop() {
		return ErrOnLoop
	}
	r.mu.Lock()
	if r.vain {
		r.vain = false
		r.mu.Unlock()
		return nil
	}
	err := r.runAsync()
	still := r.still
	r.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-still:
	case <-r.done:
	}
	return nil
}

// RunAsync starts the reactor and returns. After a Stop it goes on where that
// left off, with the same conns; a Stop that has not come to its end is taken
// back.
func (r *Reactor) RunAsync() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.vain = false
	return r.runAsync()
}

// runAsync is RunAsync with r.mu held.
func (r *Reactor) runAsync() error {
	switch r.state {
	case running:
		return ErrRunning
	case ending, ended:
		return ErrClosed
	case idle:
		if err := r.boot(); err != nil {
			return err
		}
	case stopped:
		r.resume()
	}
	r.state = running
	r.clock.resume()
	r.halt.Store(false)
	r.cond.Broadcast()
	for _, l := range r.loops {
		l.poke()
	}
	return nil
}

// boot starts the drivers. r.mu is held.
func (r *Reactor) boot() error {
	for _, l := range r.loops {
		d, err := startDriver(l)
		if err != nil {
			for _, d := range r.drivers {
				d.stop()
			}
			r.drivers = nil
			for _, l := range r.loops {
				l.setBell(nil)
			}
			return err
		}
		r.drivers = append(r.drivers, d)
	}
	r.takeProcs()
	go r.watch()
	return nil
}

// resume ends what Stop began. r.mu is held.
func (r *Reactor) resume() {
	select {
	case <-r.still:
		r.still = make(chan struct{})
	default:
		close(r.halting) // who stopped it waits no longer; who runs it goes on waiting
	}
}

// Stop ends all traffic, and closes nothing: no callback runs, no timer is due,
// nothing is read or written or accepted, and the other sides see no more than
// silence, until the reactor runs again. It returns when every loop stands
// still. Called on a loop it returns at once: the callback under way, the
// handling of one packet, is the last one of that loop, and other loops stand
// still when theirs have returned. While the reactor shuts down, Stop does
// nothing.
//
// For a callback that does not return, Stop does not wait for ever: when nothing
// has moved for two seconds, or twice Config.StuckAfter, it returns an
// UnfinishedError with ErrStuck, and the loops stand still when they can. So it
// is with two reactors whose callbacks stop each other.
func (r *Reactor) Stop() error {
	onLoop := r.OnLoop()
	halting := r.stop()
	if onLoop || halting == nil {
		return nil
	}
	return r.await(context.Background(), halting)
}

// stop has the loops stand still. What it returns is closed when they do, or nil
// when there is nothing to wait for.
func (r *Reactor) stop() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.state == idle:
		r.vain = true
	case r.state == running && !r.draining.Load():
		r.state = stopped
		r.halting = make(chan struct{})
		r.clock.stop()
		r.halt.Store(true)
		r.cond.Broadcast()
		for _, l := range r.loops {
			l.poke()
		}
		// A virtual one's loops stand still between the steps, and others may not
		// have moved since the last Stop.
		if r.virtual || r.parked == len(r.loops) {
			r.stand()
		}
	}
	if r.state != stopped {
		return nil
	}
	return r.halting
}

// stand says that every loop stands still. r.mu is held.
func (r *Reactor) stand() {
	close(r.halting)
	close(r.still)
}

func (r *Reactor) halted() bool { return r.halt.Load() }

// park holds a loop's goroutine until the reactor runs on.
func (r *Reactor) park() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parked++
	if r.parked == len(r.loops) && r.state == stopped {
		r.stand()
	}
	for r.state == stopped {
		r.cond.Wait()
	}
	r.parked--
}

// Log has l log a line, for protocols on this reactor. It does not wait for l, which
// may block, panic or call runtime.Goexit: the line is logged on a goroutine of its
// own, in order with the others. When 256 lines wait, more are dropped, and the next
// one says how many. Close waits a second for what is left. The arguments are put
// into words before Log returns.
//
// On a virtual reactor, which has no goroutines, l is called at once.
func (r *Reactor) Log(l *slog.Logger, level slog.Level, msg string, args ...any) {
	r.lines.Put(l, level, msg, args...)
}

// log says something of the reactor's own, at a bounded rate for each msg, whatever
// is done to provoke it.
func (r *Reactor) log(level slog.Level, msg string, args ...any) {
	if ok, skipped := r.share.Allow(msg); ok {
		r.Log(r.cfg.Logger, level, msg, append(args, "skipped", skipped)...)
	}
}

// flushTime is how long Close waits for a logger: for a file or a pipe that is slow,
// and not for one that nobody reads.
const flushTime = time.Second

// OnLoop reports whether it is called on one of the reactor's loops. It takes
// about a microsecond.
func (r *Reactor) OnLoop() bool {
	id := goid()
	for _, l := range r.loops {
		l.mu.Lock()
		on := l.goid == id
		l.mu.Unlock()
		if on {
			return true
		}
	}
	return false
}

// Close ends the reactor and every conn, at once: what waits is lost. It
// returns when every callback has returned and every descriptor is closed, but
// for what Acceptors have in hand; called on a loop it returns at once, and Done
// tells the end.
//
// For a callback that does not return, Close does not wait for ever: when
// nothing has moved for two seconds, or twice Config.StuckAfter, it returns an
// UnfinishedError with ErrStuck. All that does not need the callback's loop is
// closed by then, and the rest when the callback returns. So it is with two
// reactors whose callbacks close each other.
func (r *Reactor) Close() error {
	if r.polls() {
		r.end()
		return r.whilePolling(func() error { return r.close(context.Background()) })
	}
	if r.OnLoop() {
		r.end()
		return nil
	}
	return r.close(context.Background())
}

// close is Close off the loops, until ctx is done.
func (r *Reactor) close(ctx context.Context) error {
	r.end()
	return r.await(ctx, r.done)
}

// end has the reactor end, if nobody else has.
func (r *Reactor) end() {
	if r.begin() {
		go r.teardown()
	}
}

// begin claims the end of the reactor for the caller.
func (r *Reactor) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case ending, ended:
		return false
	case stopped:
		r.resume()
	}
	r.state = ending
	r.halt.Store(false)
	r.cancel(ErrClosed)
	r.cond.Broadcast()
	return true
}

// teardown closes everything, in the order of what feeds what.
func (r *Reactor) teardown() {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Drain) // for one of several loops that is stuck
	defer cancel()
	r.fire(ctx, BeforeShutdown)
	r.closeListeners()
	r.fire(ctx, DuringShutdown)
	r.mu.Lock()
	for r.inside > 0 {
		r.cond.Wait()
	}
	drivers := r.drivers
	r.mu.Unlock()
	// At the same time, since one may be in a callback that does not return.
	var closing sync.WaitGroup
	for i, l := range r.loops {
		if len(drivers) == 0 || r.virtual { // in order, for the virtual ones
			r.closeHere(l)
			continue
		}
		closing.Go(func() {
			r.closeThere(l)
			drivers[i].stop()
		})
	}
	closing.Wait()
	r.loops[0].onOwn(func() { r.loops[0].fire(AfterShutdown) })
	r.work.close()
	if !r.virtual {
		procs.Give(len(drivers))
	}
	r.mu.Lock()
	for len(r.streams)+len(r.closing) > 0 {
		r.cond.Wait()
	}
	r.state = ended
	r.cond.Broadcast()
	r.mu.Unlock()
	r.lines.Flush(flushTime)
	close(r.done)
}

// closeHere closes l, which has no goroutine, on one that it makes.
func (r *Reactor) closeHere(l *Loop) {
	if r.virtual { // whose callback may have asked for this
		r.steps.Lock()
		defer r.steps.Unlock()
	}
	l.closeHere(ErrClosed)
}

// closeThere closes l on its goroutine.
func (r *Reactor) closeThere(l *Loop) {
	closed := make(chan struct{})
	l.Post(func() { l.closeAndTell(ErrClosed, closed) })
	<-closed
}

// Shutdown ends the reactor in order: it stops accepting, has every handler
// end its conversation, waits until what is due has been sent and the conns
// are closed, and then closes the rest. What did not end before ctx did, or
// within Config.Drain if ctx has no deadline, is told by a ShutdownError. A
// stopped reactor runs on for it.
//
// Called on a loop it returns nil at once, and Done tells the end.
func (r *Reactor) Shutdown(ctx context.Context) error {
	if r.polls() {
		r.startDraining() // a stopped one runs on
		return r.whilePolling(func() error { return r.Shutdown(ctx) })
	}
	if r.OnLoop() {
		own, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
		if at, ok := ctx.Deadline(); ok {
			own, cancel = context.WithDeadline(own, at)
		}
		go func() { defer cancel(); r.Shutdown(own) }()
		return nil
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.cfg.Drain)
		defer cancel()
	}
	if !r.startDraining() {
		return r.close(ctx)
	}
	r.fire(ctx, BeforeShutdown)
	r.closeListeners()
	r.fire(ctx, DuringShutdown)
	for _, l := range r.loops {
		l.Post(l.drain)
	}
	select {
	case <-r.drained:
		return r.close(ctx)
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	more, cancel := context.WithTimeout(context.WithoutCancel(ctx), overtime)
	defer cancel()
	left := r.leftOver(more, ctx.Err())
	return errors.Join(left, r.close(more))
}

// overtime is how much longer than its context a Shutdown may take, to count and
// to close what is left.
const overtime = 100 * time.Millisecond

// startDraining reports whether there is something to wait for.
func (r *Reactor) startDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runAsync() // a stopped reactor cannot send; one that runs, or has ended, is left alone
	if r.state != running {
		return false
	}
	if !r.draining.Swap(true) {
		r.drained = make(chan struct{})
	}
	if r.conns.Load() == 0 {
		r.markDrained()
	}
	return true
}

// markDrained tells Shutdown that no conn is left. r.mu is held.
func (r *Reactor) markDrained() {
	select {
	case <-r.drained:
	default:
		close(r.drained)
	}
}

// leftOver counts what a Shutdown leaves behind: on the loops, or, if one of
// them does not come to that before ctx is done, roughly and for all of them.
func (r *Reactor) leftOver(ctx context.Context, cause error) error {
	e := &ShutdownError{Err: cause}
	for _, l := range r.loops {
		err := l.Call(ctx, func() {
			for _, c := range l.conns {
				e.Conns++
				e.Bytes += int64(c.pending())
			}
		})
		if err != nil {
			return &ShutdownError{Conns: r.Conns(), Bytes: r.total.Load(), Err: cause}
		}
	}
	return e
}

// drain has every handler of the loop end its conversation.
func (l *Loop) drain() {
	l.fire(DuringShutdown)
	for _, c := range append([]*Conn(nil), l.conns...) {
		c.drain()
	}
}

// admit counts a conn in, if there is room.
func (r *Reactor) admit() error {
	if r.conns.Add(1) > int64(r.cfg.MaxConns) {
		r.forget()
		return ErrTooManyConns
	}
	return nil
}

// room says why there is none for n more bytes of a conn for which some wait already:
// a SizeError if there will never be, else ErrBackpressure. A conn for which nothing
// waits has room whatever the others have, so that those who read are not made to pay
// for those who do not.
func (r *Reactor) room(waiting, n int) error {
	if n > r.cfg.MaxPending {
		return &SizeError{n, r.cfg.MaxPending}
	}
	if waiting+n > r.cfg.MaxPending {
		return ErrBackpressure
	}
	if total := r.total.Load(); total > int64(r.cfg.MaxTotalPending) && int64(waiting) >= total/max(r.conns.Load(), 1) {
		return ErrBackpressure
	}
	return nil
}

// forget counts a conn out.
func (r *Reactor) forget() {
	if r.conns.Add(-1) > 0 || !r.draining.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining.Load() {
		r.markDrained()
	}
}

// pick chooses the loop for a conn.
func (r *Reactor) pick() *Loop {
	return r.loops[int(r.next.Add(1)-1)%len(r.loops)]
}

// MayWait reports, by its error, whether the calling goroutine may wait for one
// of the loops: ErrOnLoop on a loop, ErrNotRunning before the first Run, and
// ErrClosed after the end.
func (r *Reactor) MayWait() error {
	if r.OnLoop() {
		return ErrOnLoop
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayWait()
}

// mayWait is MayWait off the loops, with r.mu held.
func (r *Reactor) mayWait() error {
	switch r.state {
	case idle:
		return ErrNotRunning
	case ending, ended:
		return ErrClosed
	}
	return nil
}

// within returns a ctx that also ends with the reactor, for the cause ErrClosed.
func (r *Reactor) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(r.endCtx, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// hold keeps the reactor from being taken down while a conn is dialled or
// brought in. It waits while the reactor is stopped.
func (r *Reactor) hold(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cond.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.state == stopped {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.cond.Wait()
	}
	if err := r.mayWait(); err != nil {
		return err
	}
	r.inside++
	return nil
}

func (r *Reactor) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inside--
	r.cond.Broadcast()
}

// enrol brings nc, which is taken over in any case, onto a loop as c. When ctx
// ends before the loop has come to it, enrol returns, and the loop closes nc
// unopened; a conn that the loop has opened by then is aborted.
func (r *Reactor) enrol(ctx context.Context, nc net.Conn, c *Conn, h Handler) error {
	if err := r.admit(); err != nil {
		nc.Close()
		return err
	}
	if err := r.hold(ctx); err != nil {
		nc.Close()
		r.forget()
		return err
	}
	c.loop, c.handler = r.pick(), h
	c.local, c.remote = nc.LocalAddr(), nc.RemoteAddr()
	if ctx.Done() == nil {
		return r.take(nc, c)
	}
	taken := make(chan error, 1)
	go func() { taken <- r.take(nc, c) }()
	select {
	case err := <-taken:
		return err
	case <-ctx.Done():
		err := context.Cause(ctx)
		c.withdraw(err)
		return err
	}
}

// take waits until c's loop has taken nc in, and then releases what enrol holds.
func (r *Reactor) take(nc net.Conn, c *Conn) error {
	defer r.release()
	if err := r.drivers[c.loop.index].enrol(nc, c); err != nil {
		c.never()
		r.forget()
		return err
	}
	return nil
}

// Attach opens c over tr, on the loop on, or on one of the reactor's choice if
// that is nil. It takes tr over in any case. It returns at once; Opened is
// called when the reactor runs.
func (r *Reactor) Attach(tr Transport, c *Conn, h Handler, on *Loop) error {
	if err := need("transport", tr, "conn", c, "handler", h); err != nil {
		if !isNil(tr) {
			tr.Close()
		}
		return err
	}
	if err := r.admit(); err != nil {
		tr.Close()
		return err
	}
	if on == nil {
		on = r.pick()
	}
	c.loop, c.handler, c.tr = on, h, tr
	if a, ok := tr.(interface{ LocalAddr() net.Addr }); ok {
		c.local = a.LocalAddr()
	}
	if a, ok := tr.(interface{ RemoteAddr() net.Addr }); ok {
		c.remote = a.RemoteAddr()
	}
	if err := on.post(task{c: c}); err != nil {
		c.never()
		tr.Close()
		r.forget()
		return err
	}
	return nil
}
