//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// How a loop notices that sockets bring more than it can handle in a poll round, and has
// gnet read less of each while that goes on.

import "time"

const (
	// roundTime is how long a round handles long input for. It is twice that until
	// the round is known to be long. Longer, and others wait longer beside a flood;
	// shorter, and honest input of many sockets is copied.
	roundTime = 3 * time.Millisecond

	// floodTime is how long a round handles long input for while a flood goes on.
	// Thousands of sockets have input then, and it takes the round some milliseconds
	// more to have all the others wait. Rounds of honest input that are longer than
	// this, and not than roundTime, do not make a flood go on.
	floodTime = roundTime / 4

	// floodRead is how much gnet reads of a socket in a flood, in bytes. That is long
	// input still, so that the socket waits; a read of 256 KiB takes as long as some
	// fifty of these.
	floodRead = 2 * longInput

	// floodLasts is how long a flood is said to go on after the last long round.
	floodLasts = 100 * time.Millisecond

	// maxPaused is how many sockets of a loop wait at most. More are handled in the
	// round, at the cost of its length. The memory is in Config.MaxTotalInput.
	maxPaused = 1 << 16
)

// flooding is whether a poll round of a loop is long, and whether a flood goes on. Loop only.
type flooding struct {
	// Set once.
	clock *clock
	inbox *inbox

	set   int           // gnet's epoll set; 0: not known, and no socket waits
	since time.Duration // when the round's long input began to be handled
	read  time.Duration // when what is handled was read
	timed bool          // since is of this round, whose end is waited for
	piece []byte        // of pieceSize, once it is needed

	buffer *[]byte       // that gnet reads into; nil: not known
	whole  []byte        // all of it, while it is cut short
	until  time.Duration // when it is whole again

	paused int // sockets that gnet does not look at, but for those that the program has paused
}

func newFlooding(clock *clock, inbox *inbox) flooding { return flooding{clock: clock, inbox: inbox} }

// roundIsLong reports whether this round has handled long input for its time. It is
// asked before long input is handled, and again between two shares of it.
func (f *flooding) roundIsLong(again bool) bool {
	if f.set == 0 || f.paused >= maxPaused {
		return false
	}
	now := f.clock.now()
	if !again {
		f.read = now
		f.readWhole(now)
	}
	most := roundTime
	if f.whole != nil {
		most = floodTime
	}
	long := false
	switch {
	case f.since == 0:
		f.since = now
	case now-f.since <= most:
	case f.timed:
		long = true
	default: // of this round, or of some: to find out, the round's end is waited for
		f.timed, f.since = f.inbox.wakeAfterRound(), f.read
		long = now-f.read > most
	}
	if long && now-f.since > roundTime {
		f.readLittle(now)
	}
	return long
}

// readLittle has gnet read little of each socket for a while.
func (f *flooding) readLittle(now time.Duration) {
	f.until = now + floodLasts
	if f.whole == nil && f.buffer != nil && len(*f.buffer) > floodRead {
		f.whole = *f.buffer
		*f.buffer = f.whole[:floodRead]
	}
}

// readWhole has gnet read as much as it can again, if that while is over.
func (f *flooding) readWhole(now time.Duration) {
	if f.whole != nil && now >= f.until {
		*f.buffer, f.whole = f.whole, nil
	}
}

// roundEnded notes that a round is over.
func (f *flooding) roundEnded() { f.since, f.timed = 0, false }
