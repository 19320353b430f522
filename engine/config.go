package engine

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

// What one callback may take before the others have their turn.
const (
	maxTasks   = 256                   // posted functions, and due timers, a turn
	maxShares  = 1024                  // conns with input held back, a turn
	turnBudget = 50 * time.Microsecond // after which a turn goes back to the sockets

	// The same for a loop without any: its bell, and the poller behind it, cost
	// as much as a hundred shares.
	aloneShares = 16 << 10
	turnAlone   = time.Millisecond
	maxBacklog  = 512 << 10 // input held back for one socket, in bytes

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
	// Loops is the number of event loops; 0 means 1: every callback of every
	// conn on one goroutine. More than 1,024 are 1,024.
	Loops int

	// OnCaller has all callbacks run on the goroutine that calls Run, or Poll, and
	// on its thread: for programs with a main loop of their own. There is one loop
	// then. RunAsync starts the reactor, and nothing is called before Run or Poll.
	// A callback costs a change of goroutines more.
	OnCaller bool

	// PollTime is after how long Poll returns even if more is due; 0 means 5 ms.
	PollTime time.Duration

	// ReadBuffer is the size of a loop's read buffer in bytes, rounded up to a
	// power of two; 0 means 256 KiB. It is one per loop, not per conn.
	ReadBuffer int

	// SoftPending is how much may wait for one conn's other side, in bytes,
	// before the handler's Pressure is called; a conn that stays over it for
	// SoftTime is ended with ErrSlowConsumer. 0 means 1 MiB, and 10 s.
	SoftPending int
	SoftTime    time.Duration

	// StallTime is how long something may wait for one conn's other side, however
	// little, and none of it move, before the conn is ended with ErrSlowConsumer.
	// 0 means 30 s.
	StallTime time.Duration

	// MaxPending bounds, in bytes, what may wait for one conn's other side: what
	// would go over it is refused, whichever way it is sent. 0 means 8 MiB.
	MaxPending int

	// MaxTotalPending bounds, in bytes of memory, what may wait for all conns
	// together. Over it, conns that have the average waiting or more are refused. An
	// eighth over it, those that have the most are ended with ErrSlowConsumer. What
	// is queued and waits for its loop is counted from 4 KiB a conn. 0 means 512 MiB.
	MaxTotalPending int

	// MaxTotalInput bounds, in bytes, the memory for input of all conns together
	// that is not whole: frames of which the rest has not come, what comes before
	// a late decision, and what waits for a share of a turn. Over it the conns end, with ErrInput, that keep the most
	// and progress the least, and injected conns are read only as fast as their
	// loop takes it. 0 means 512 MiB.
	MaxTotalInput int

	// MaxConns bounds the open conns; 0 means 65,536, or the limit of open
	// files less 256 where that is smaller.
	MaxConns int

	// ListenConfig makes the sockets that Listen listens at, and Dialer those of
	// Dial. A Control function in one of them runs on the goroutine that listens
	// or dials.
	ListenConfig net.ListenConfig
	Dialer       net.Dialer

	// ReusePort lets several processes listen at one TCP address, where the
	// system has SO_REUSEPORT: it spreads the conns over them. Elsewhere Listen
	// returns an error.
	ReusePort bool

	// SendBuffer and RecvBuffer are the sizes of the kernel's buffers of every
	// socket that is accepted or dialled, in bytes; 0 leaves them to the system,
	// which adapts them. Larger ones let one conn have more on a long way at
	// once; smaller ones bound what many conns take, since neither is counted
	// here.
	SendBuffer, RecvBuffer int

	// Drain bounds a Shutdown whose context has no deadline; 0 means 10 s.
	Drain time.Duration

	// Workers is the number of goroutines that run offloaded work at the same
	// time; 0 means 64. As many as 65,536 calls wait for them.
	Workers int

	// KeepProcs leaves GOMAXPROCS as it is. Without it the first Run raises
	// GOMAXPROCS to one more than the loops of all reactors that the process has
	// started, where there are not more already, and the end of the reactor
	// lowers it again. Sleeping loops otherwise occupy all that may run Go code:
	// timers and goroutines off the loops then wait up to 15 ms or so for the
	// runtime to notice. GOMAXPROCS in the environment works like KeepProcs; a
	// line in the log tells either way.
	KeepProcs bool

	// StuckAfter is how long one callback may hold a loop up before that is
	// logged, with the stack, and OnStuck is called with both on a goroutine of
	// its own. 0 means 1 s.
	StuckAfter time.Duration
	OnStuck    func(l *Loop, stack []byte)

	// Logger gets what the reactor has to say, at most ten lines a second of each
	// kind; nil means silence. No loop waits for it, as Reactor.Log tells.
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
