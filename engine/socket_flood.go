//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// How sockets that bring more than the loop can handle wait for their turn, so that
// all others have theirs in milliseconds.
//
// gnet reads every ready socket once in a round, 256 KiB of it at most, and what it
// has read must go somewhere. For a few sockets that is handled at once. When a
// round has taken roundTime, long input is copied and waits, and gnet is told not
// to look at that socket any more. From then on the conn has a share at a time, as
// all have whose input waits: first of the copy, then of pieces that the loop reads
// itself. When the kernel has little or nothing of it, the socket is gnet's again.

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

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

	// pieceSize is how much is read at a time of a socket that gnet does not look
	// at, in bytes. The memory for what waits of it is as much.
	pieceSize = 64 << 10

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

// flooding is what a loop knows of it. Loop only.
type flooding struct {
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

// roundIsLong reports whether this round has handled long input for its time. It is
// asked before long input is handled, and again between two shares of it.
func (l *Loop) roundIsLong(again bool) bool {
	f := &l.flooding
	if f.set == 0 || f.paused >= maxPaused {
		return false
	}
	now := l.r.clock.now()
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
		f.timed, f.since = l.inbox.wakeAfterRound(), f.read
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

// floodEnded says that a round is over.
func (l *Loop) floodEnded() { l.flooding.since, l.flooding.timed = 0, false }

// wait has b wait, before the input that waits already.
func (s *socket) wait(b []byte) {
	a := s.needRare()
	a.input = slices.Concat(b, a.input)
	s.conn().Keep(&a.kept, cap(a.input))
	s.sink().Wake(s.loop)
}

// pause has gnet look at the socket no more, until what waits was taken.
func (s *socket) pause() {
	if !s.isPaused() && s.leavePoller() {
		s.loop.flooding.paused++
	}
}

// isPaused reports whether gnet does not look at the socket.
func (s *socket) isPaused() bool { return s.rare != nil && s.rare.paused }

// unpause notes that the socket waits no more, because it is gnet's again or closed.
func (s *socket) unpause() {
	if s.isPaused() {
		s.rare.paused = false
		if !s.flags.has(pausedRead) {
			s.loop.flooding.paused--
		}
	}
}

// resume gives a socket that waited back to gnet.
func (s *socket) resume() {
	if !s.isPaused() {
		return
	}
	s.unpause()
	if s.gc != nil && !pollFor(s.loop.flooding.set, s.gc, true) {
		s.conn().Abort(ErrClosed) // nobody would read it any more
	}
	s.setInput(s.input())
}

// readPiece reads and delivers a piece of a socket that gnet does not look at. It
// reports whether there may be more. An end is gnet's to meet. So would be an error,
// but it is told only once.
func (s *socket) readPiece() (more bool) {
	f := &s.loop.flooding
	if f.piece == nil {
		f.piece = make([]byte, pieceSize)
	}
	n, err := unix.Read(s.gc.Fd(), f.piece)
	switch err {
	case nil, unix.EAGAIN:
	case unix.EINTR:
		return true
	default:
		s.finish(os.NewSyscallError("read", err))
		return false
	}
	if n <= longInput { // more than that is likely to go on
		s.resume()
	}
	if n <= 0 {
		return false
	}
	b := f.piece[:n]
	if k := s.sink().Received(b); k < n && !s.flags.has(endTold) {
		s.wait(b[k:])
		s.pause()
	}
	return s.isPaused() || len(s.input()) > 0
}
