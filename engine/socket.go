//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// A socket of gnet's as a Transport: its input and its end.

import (
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// polled is the part of a Conn for its socket.
type polled struct {
	gc   gnet.Conn
	rare *rareSocketState // nil: nothing is
}

// socket is a Conn as a Transport over one of gnet's conns. Nothing else refers to that:
// gc becomes nil when gnet closes it, so nothing is ever written to a descriptor number
// that has been given to another socket by then. It is not an object of its own because
// that would take more memory.
type socket Conn

// rareSocketState is what a socket has only while something of it waits.
type rareSocketState struct {
	input []byte // that the handler has not taken yet
	kept  Kept   // the memory of input
	end   error  // why the socket ended, while input waits

	out     backlog
	watched bool  // writable tells when the socket takes output again
	paused  bool  // gnet does not look for input
	rest    int32 // a descriptor of ours, while the kernel has more input before end; 0: none
}

func (s *socket) conn() *Conn { return (*Conn)(s) }

// sink is where input and the end go.
func (s *socket) sink() Sink {
	if s.flags.has(wrapped) {
		return inside{s.tr.(outside).wrapperGuard}
	}
	return s.conn().sink()
}

// unread implements unreader.
func (s *socket) unread() int { return len(s.input()) }

// input is the input that waits, because the handler has not taken it.
func (s *socket) input() []byte {
	if s.rare == nil {
		return nil
	}
	return s.rare.input
}

// end is why the socket ended, to be told after the input that waits.
func (s *socket) end() error {
	if s.rare == nil {
		return nil
	}
	return s.rare.end
}

// needRare makes the socket's rareSocketState if it has none.
func (s *socket) needRare() *rareSocketState {
	if s.rare == nil {
		s.rare = new(rareSocketState)
	}
	return s.rare
}

// appendInput has b wait after the input that waits already.
func (s *socket) appendInput(b []byte) {
	a := s.needRare()
	a.input = append(a.input, b...)
	s.conn().Keep(&a.kept, cap(a.input))
}

// setInput has b be all the input that waits. A rareSocketState that is empty goes.
func (s *socket) setInput(b []byte) {
	if s.rare != nil {
		n := 0
		if len(b) > 0 {
			n = cap(b)
		}
		s.conn().Keep(&s.rare.kept, n)
	}
	switch a := s.rare; {
	case a == nil:
	case len(b) > 0:
		a.input = b
	case a.end == nil && a.out.empty() && !a.paused:
		s.rare = nil
	default:
		a.input = nil
	}
}

// Open implements Transport.
func (s *socket) Open(sink Sink) {
	if sink != s.conn().sink() {
		s.flags.set(wrapped)
	}
}

// take delivers b, which has been read, to the handler. What is left over waits. Long input
// waits if the round has been long already: see flooding.go.
func (s *socket) take(b []byte) {
	if len(s.input()) > 0 { // where sockets cannot wait
		s.appendInput(b)
		s.loop.metPause = false
		for len(s.input()) > maxBacklog && s.deliverWaiting() {
		}
		if len(s.input()) > maxBacklog && s.loop.metPause { // which may be over by now: the handler has refused nothing
			s.pause()
		}
		if len(s.input()) > maxBacklog && !s.loop.Halted() && !s.isPaused() { // else this was the last read
			s.Close()
			s.flags.unset(endTold)
			s.finish(ErrBacklog)
		}
		return
	}
	long := len(b) > longInput
	if long && s.loop.flooding.roundIsLong(false) {
		s.wait(b)
		s.pause()
		return
	}
	sink := s.sink()
	n := sink.Received(b)
	more := n > 0
	for more && n < len(b) && !s.flags.has(endTold) && !s.loop.Halted() && !(long && s.loop.flooding.roundIsLong(true)) {
		// Another share at once, since what waits is copied.
		if s.loop.unread = b[n:]; !s.flushBetweenShares() {
			return
		}
		k := sink.Received(b[n:])
		n, more = n+k, k > 0
	}
	if n < len(b) && !s.flags.has(endTold) {
		s.wait(b[n:])
		if more { // who takes nothing may be waiting for the end
			s.pause()
		}
	}
	s.conn().flushIfLong()
}

// unreadInput is the rest of the input of the socket that is being read, while its
// output is flushed. It is on the loop, not in a variable, because gnet closes the socket
// when that write fails: lost keeps it then. A Goexit leaves it to afterGoexit.
type unreadInput []byte

// flushBetweenShares flushes what was answered to one share of input, if that is long.
// It reports whether the socket is still there; else lost has kept the rest of the input.
func (s *socket) flushBetweenShares() (there bool) {
	s.conn().flushIfLong()
	there = s.loop.unread != nil
	s.loop.unread = nil
	return there
}

// deliverWaiting offers the input that waits to the handler. It reports whether some is
// left and the handler took something.
func (s *socket) deliverWaiting() bool {
	n := 0
	if !s.flags.has(endTold) {
		n = s.sink().Received(s.input())
	}
	if s.flags.has(endTold) || n >= len(s.input()) {
		s.setInput(nil)
		return false
	}
	if n == 0 && !s.conn().wantsPause() {
		s.resume()
	}
	s.setInput(s.input()[n:])
	return n > 0
}

// Pump implements Transport.
func (s *socket) Pump() (more bool) {
	s.drain()
	if s.flags.has(pausedRead) {
		return false
	}
	had := len(s.input()) > 0
	if had {
		s.deliverWaiting()
	}
	if len(s.input()) > 0 {
		return true
	}
	if s.end() != nil {
		if s.readKeptRest() {
			return true
		}
		s.finish(s.end())
		return false
	}
	if s.isPaused() && s.gc != nil {
		return s.loop.Halted() || had || s.readPiece()
	}
	return false
}

// lost is called when gnet closes its conn, while the descriptor is still open. The end is
// told after the input that waits.
func (s *socket) lost(gc gnet.Conn, err error) {
	if rest := s.loop.unread; rest != nil {
		s.appendInput(rest)
		s.loop.unread = nil
	}
	s.unwatch()
	switch {
	case s.isPaused(): // gnet has not read to the end, and says io.EOF whatever it is
		if met := s.keepRest(gc.Fd()); met != nil {
			err = met
		}
	case failedWrite(err):
		// The other side may have said why before it closed.
		s.readRest(gc.Fd())
	}
	s.unpause()
	s.gc = nil
	if err == nil || errors.Is(err, io.EOF) {
		err = io.EOF
	}
	// A Wrapper's code does not run within a call of gnet, which a Goexit would
	// keep from closing the descriptor.
	if len(s.input()) > 0 || s.flags.has(inGnet) && s.flags.has(wrapped) {
		s.needRare().end = err
		s.sink().Wake(s.loop)
		return
	}
	s.finish(err)
}

// finish tells the end, once.
func (s *socket) finish(err error) {
	if !s.flags.has(endTold) {
		s.flags.set(endTold)
		s.sink().Ended(err)
	}
}

// failedWrite reports whether err is of a write.
func failedWrite(err error) bool {
	var e *os.SyscallError
	return errors.As(err, &e) && e.Syscall == "write"
}

// unreadSocket reports whether the kernel has input of the conn's socket, or its
// end, that was not read.
func (c *Conn) unreadSocket() bool {
	if c.gc == nil {
		return false
	}
	var b [1]byte
	_, _, err := unix.Recvfrom(c.gc.Fd(), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil
}

// CloseWrite implements Transport.
func (s *socket) CloseWrite() error {
	if s.gc == nil {
		if s.end() != nil {
			return nil
		}
		return ErrClosed
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(s.gc.Fd(), unix.SHUT_WR))
}

// Close implements Transport.
func (s *socket) Close() {
	s.flags.set(endTold)
	s.unpause()
	s.dropOutput()
	s.closeRest()
	s.setInput(nil)
	if s.gc == nil {
		return
	}
	s.flags.set(inGnet)
	if err := s.gc.EventLoop().Close(s.gc); err != nil {
		s.loop.r.log(slog.LevelWarn, "closing a socket failed", "err", err)
	}
	s.flags.unset(inGnet)
	s.gc = nil
}
