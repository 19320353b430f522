package engine

// What a program can set up, the defaults, and the bounds of a turn.

import (
	"log/slog"
	"net"
	"time"
)

// Defaults of Config.
const (
	DefaultReadBuffer      = 256 << 10
	DefaultSoftPending     = 1 << 20
	DefaultSoftTime        = 10 * time.Second
	DefaultStallTime       = 30 * time.Second
	DefaultMaxPending      = 8 << 20
	DefaultMaxTotalPending = 512 << 20
	DefaultMaxTotalInput   = 512 << 20
	DefaultDrain           = 10 * time.Second
	DefaultPollTime        = 5 * time.Millisecond
	DefaultStuckAfter      = time.Second
	DefaultWorkers         = 64
	DefaultMaxQueued       = 64 << 10
	DefaultMaxConns        = 65536
)

// What one callback, or one turn of a loop, may take before the others are served.
const (
	maxTasks   = 256                   // posted functions, and due timers, a turn
	maxShares  = 1024                  // conns that have input left, a turn
	turnBudget = 50 * time.Microsecond // after which a turn goes back to the sockets

	// The same for a loop without sockets: to be woken by the poller costs as much as a
	// hundred shares.
	aloneShares = 16 << 10
	turnAlone   = time.Millisecond
	maxBacklog  = 512 << 10 // input of one socket that waits for its handler, in bytes

	// longInput is how much input is called long, in bytes: so much may take
	// milliseconds. Shorter input of a socket is always handled when it is read,
	// since to let it wait costs as much.
	longInput = 4 << 10
)

// What a Config may ask for at most: each loop has a goroutine, a read buffer and
// three descriptors from the start.
const (
	maxLoops      = 1024
	maxReadBuffer = 1 << 30
)

// spareFiles is how many descriptors stay free for everything but conns.
const spareFiles = 256

// Config sets up a Reactor. The zero value, like nil, means the defaults.
type Config struct {
	// Loops is the number of event loops, at most 1,024. With one, every callback of
	// every conn runs on one goroutine. Default: 1.
	Loops int

	// OnCaller has all callbacks run on the goroutine that calls Run or Poll, and on
	// its thread: for programs with a main loop of their own. There is one loop then.
	// RunAsync starts the reactor, and nothing is called before Run or Poll. A callback
	// costs a change of goroutines more. Default: the loops have goroutines of their
	// own.
	OnCaller bool

	// PollTime is after how long Poll returns even if more is due. Default: 5 ms.
	PollTime time.Duration

	// ReadBuffer is the size of a loop's read buffer in bytes, rounded up to a power
	// of two. It is one for each loop, not for each conn. Default: 256 KiB.
	ReadBuffer int

	// SoftPending is how many bytes may wait for one conn's other side before the
	// handler's Pressure is called. Default: 1 MiB.
	SoftPending int

	// SoftTime is for how long a conn may stay over SoftPending before it is ended
	// with ErrSlowConsumer. Default: 10 s.
	SoftTime time.Duration

	// StallTime is how long something may wait for one conn's other side, however
	// little, and none of it move, before the conn is ended with ErrSlowConsumer.
	// Default: 30 s.
	StallTime time.Duration

	// MaxPending bounds, in bytes, what may wait for one conn's other side. What would
	// go over it is refused, whichever way it is sent. Default: 8 MiB.
	MaxPending int

	// MaxTotalPending bounds, in bytes of memory, what may wait for all conns together.
	// Over it, conns that have the average waiting or more are refused. An eighth over
	// it, those that have the most are ended with ErrSlowConsumer. What is queued and
	// waits for its loop is counted from 4 KiB a conn. A Shared counts once for all of
	// them. Default: 512 MiB.
	MaxTotalPending int

	// MaxTotalInput bounds, in bytes, the memory for input of all conns together that
	// cannot be handled yet: frames of which the rest has not come, what comes before a
	// late decision, and what waits for a share of a turn. Over it the conns that keep
	// the most and progress the least end with ErrInput, and injected conns are read
	// only as fast as their loop takes it. Default: 512 MiB.
	MaxTotalInput int

	// MaxConns bounds the open conns. Default: 65,536, or the limit of open files less
	// 256 where that is smaller.
	MaxConns int

	// ListenConfig makes the sockets that Listen listens at. A Control function in it
	// runs on the goroutine that listens. Default: that of package net.
	ListenConfig net.ListenConfig

	// Dialer makes the sockets of Dial. A Control function in it runs on the goroutine
	// that dials. Default: that of package net.
	Dialer net.Dialer

	// ReusePort lets several processes listen at one TCP address, where the system has
	// SO_REUSEPORT, which spreads the conns over them. Elsewhere Listen returns an
	// error. Default: one process has an address.
	ReusePort bool

	// SendBuffer is the size in bytes of the kernel's send buffer of every socket that
	// is accepted or dialled. A larger one lets one conn have more on a long way at
	// once; a smaller one bounds what many conns take, since that is not counted here.
	// Default: the system chooses, and adapts it.
	SendBuffer int

	// RecvBuffer is the same for the kernel's receive buffer. Default: the system
	// chooses, and adapts it.
	RecvBuffer int

	// Drain bounds a Shutdown whose context has no deadline. Default: 10 s.
	Drain time.Duration

	// Workers is the number of goroutines that run offloaded work at the same time. As
	// many as 65,536 calls wait for them. Default: 64.
	Workers int

	// KeepProcs leaves GOMAXPROCS as it is. Sleeping loops occupy all that may run Go
	// code where there are as many of them as GOMAXPROCS: timers and goroutines off the
	// loops then wait up to 15 ms or so for the runtime to notice. GOMAXPROCS in the
	// environment works like KeepProcs, and a line in the log says which it is.
	// Default: the first Run raises GOMAXPROCS to one more than the loops of all
	// reactors that the process has started, where it is not more already, and the end
	// of the reactor lowers it again.
	KeepProcs bool

	// StuckAfter is how long one callback may occupy a loop before that is logged, with
	// the stack. Default: 1 s.
	StuckAfter time.Duration

	// OnStuck is called with the loop and the stack when a callback has run for
	// StuckAfter, on a goroutine of its own. Default: none.
	OnStuck func(l *Loop, stack []byte)

	// Tap is told what enters the loops and what leaves them, to record it. Default: nobody
	// is, and it costs a comparison for each read and write.
	Tap Tap

	// Logger gets what the reactor has to say, at most ten lines a second of each kind.
	// No loop waits for it, as Reactor.Log says. Default: silence.
	Logger *slog.Logger
}

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	setDefault(&d.Loops, 1)
	d.Loops, d.ReadBuffer = min(d.Loops, maxLoops), min(d.ReadBuffer, maxReadBuffer)
	if d.OnCaller {
		d.Loops = 1
	}
	setDefault(&d.PollTime, DefaultPollTime)
	setDefault(&d.ReadBuffer, DefaultReadBuffer)
	setDefault(&d.MaxPending, DefaultMaxPending)
	setDefault(&d.SoftPending, min(DefaultSoftPending, d.MaxPending))
	setDefault(&d.SoftTime, DefaultSoftTime)
	setDefault(&d.StallTime, DefaultStallTime)
	setDefault(&d.MaxTotalPending, DefaultMaxTotalPending)
	setDefault(&d.MaxTotalInput, DefaultMaxTotalInput)
	setDefault(&d.MaxConns, defaultMaxConns())
	setDefault(&d.Drain, DefaultDrain)
	setDefault(&d.Workers, DefaultWorkers)
	setDefault(&d.StuckAfter, DefaultStuckAfter)
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func defaultMaxConns() int {
	limit := fileLimit()
	if limit <= 0 {
		return DefaultMaxConns
	}
	return min(DefaultMaxConns, max(limit-spareFiles, limit/2))
}
