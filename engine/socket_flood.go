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

	"golang.org/x/sys/unix"
)

// pieceSize is how much is read at a time of a socket that gnet does not look
// at, in bytes. The memory for what waits of it is as much.
const pieceSize = 64 << 10

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
