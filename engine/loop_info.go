package engine

// What a program can see of a loop's work: how much of it waits, and how long callbacks take.

import "time"

// LoopInfo is what a loop has done, and what waits for it at one moment.
type LoopInfo struct {
	Callbacks uint64 // reads, turns, opened and closed sockets so far
	Turns     uint64 // of these, turns that the wake-up began
	Conns     int    // that are open
	Sockets   int    // of these, sockets that the poller serves
	Posted    int    // functions that wait to be called
	Ready     int    // conns that have input left, and wait for a share of a turn
	Timers    int    // that are not due yet
	KeptInput int64  // memory of input that is not whole or waits, in bytes
}

// Info tells what the loop has done and what waits for it. On the loop only.
func (l *Loop) Info() LoopInfo {
	l.mustBeHere("Loop.Info")
	return LoopInfo{
		Callbacks: (l.inbox.callbacks.Load() + 1) / 2,
		Turns:     l.wakeUps,
		Conns:     len(l.conns),
		Sockets:   l.sockets,
		Posted:    l.inbox.posted(),
		Ready:     l.ready.waiting(),
		Timers:    l.timers.waiting(),
		KeptInput: l.kept.total.Load(),
	}
}

// Watch has f called at the end of each callback of the loop, with how long it took, until
// stop is called. A callback here is all that the loop does for one event of its poller: a
// read with all its packets, or a turn. f must be quick, and may not panic. Two looks at the
// clock are made for each callback then, and none while nobody watches. stop may be called
// more than once. On the loop only, and so is stop.
func (l *Loop) Watch(f func(took time.Duration)) (stop func()) {
	l.mustBeHere("Loop.Watch")
	own := l.watchers.add(f)
	return func() {
		l.mustBeHere("the stop of Loop.Watch")
		l.watchers.remove(own)
	}
}

// Usage is how much of the bounds of a reactor is in use.
type Usage struct {
	Conns, MaxConns         int   // open conns, those on their way in counted; Config.MaxConns
	Output, MaxOutput       int64 // memory of output that waits, in bytes; Config.MaxTotalPending
	Input, MaxInput         int64 // memory of input that waits or is not whole, in bytes; Config.MaxTotalInput
	Offloaded, MaxWorkers   int   // calls that workers do now; Config.Workers
	Waiting, MaxWaiting     int   // calls that wait for a worker; their bound
	SoftPending, MaxPending int   // Config.SoftPending and MaxPending, of one conn
}

// Usage returns how much of its bounds the reactor uses. Any goroutine may call it.
func (r *Reactor) Usage() Usage {
	u := Usage{
		Conns: r.Conns(), MaxConns: r.cfg.MaxConns,
		Output: r.total.Load(), MaxOutput: int64(r.cfg.MaxTotalPending),
		Input: r.input.Load(), MaxInput: int64(r.cfg.MaxTotalInput),
		MaxWorkers: r.cfg.Workers, MaxWaiting: DefaultMaxQueued,
		MaxPending: r.cfg.MaxPending, SoftPending: r.cfg.SoftPending,
	}
	r.work.mu.Lock()
	defer r.work.mu.Unlock()
	u.Offloaded, u.Waiting = r.work.n, r.work.queue.Len()
	return u
}

// unreader is a transport that knows how much input waits in it.
type unreader interface{ unread() int }

// Unread is how many bytes of input wait in memory for the handler to take them, which have
// come or were read. For a stream it is the memory that they take. It is 0 for a transport of
// another package, since nobody can tell. On the loop only.
func (c *Conn) Unread() int {
	c.loop.mustBeHere("Conn.Unread")
	if u, ok := c.tr.(unreader); ok {
		return u.unread()
	}
	return 0
}

// unread implements unreader.
func (s *stream) unread() int { return int(s.queued.Load()) }
