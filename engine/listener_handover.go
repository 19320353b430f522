package engine

// What a listener needs so that another process can take it over: its socket, a pause of
// accepting, and a say in who removes the file of its Unix socket.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/unixsocket"
)

// ErrNoSocket is returned where a listener would have to be a TCP or a Unix socket, and is
// something around one or another thing of the program's.
var ErrNoSocket = errors.New("engine: listener is no socket of its own")

// listenerSocket is what *net.TCPListener and *net.UnixListener have beyond a net.Listener.
type listenerSocket interface {
	syscall.Conn
	SetDeadline(time.Time) error
}

// socket returns the listening socket.
func (l *Listener) socket() (listenerSocket, error) {
	if s, ok := l.ln.(listenerSocket); ok {
		return s, nil
	}
	return nil, fmt.Errorf("%w: %v", ErrNoSocket, l)
}

// File returns a duplicate of the listening socket, to be given to another process. It is the
// caller's to close. As long as one of the two is open, in any process, nobody who connects is
// refused: conns wait in the kernel until somebody accepts them. Where there are no
// such duplicates the error is errors.ErrUnsupported.
func (l *Listener) File() (*os.File, error) {
	s, err := l.socket()
	if err != nil {
		return nil, err
	}
	return unixsocket.Duplicate(s, l.addr.String())
}

// PauseAccept stops accepting until ResumeAccept, and returns when nothing more is accepted.
// Who connects meanwhile waits in the kernel. It may not be called on a loop. A listener whose
// acceptors hang is waited for as by Close, and the error is ErrStuck then; it accepts
// nothing more all the same once they return.
func (l *Listener) PauseAccept() error {
	s, err := l.socket()
	if err != nil {
		return err
	}
	r := l.r
	if r.OnLoop() {
		return ErrOnLoop
	}
	r.mu.Lock()
	if l.paused == nil {
		l.paused = make(chan struct{})
		r.cond.Broadcast() // for one that waits already, because the reactor is stopped
	}
	paused := l.paused
	r.mu.Unlock()
	if err := s.SetDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	hangs := time.NewTimer(r.stuckTime())
	defer hangs.Stop()
	select {
	case <-paused:
		return nil
	case <-l.done:
		return ErrClosed
	case <-hangs.C:
		return fmt.Errorf("%v does not pause: %w", l, ErrStuck)
	}
}

// ResumeAccept ends the pause of PauseAccept.
func (l *Listener) ResumeAccept() error {
	s, err := l.socket()
	if err != nil {
		return err
	}
	if err := s.SetDeadline(time.Time{}); err != nil {
		return err
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.paused = nil
	l.r.cond.Broadcast()
	return nil
}

// notePaused tells PauseAccept that nothing more is accepted. r.mu is held.
func (l *Listener) notePaused() {
	select {
	case <-l.paused:
	default:
		close(l.paused)
	}
}

// SetRemoveFile says whether Close removes the file of a Unix socket. One that Listen has made
// is removed, unless this says otherwise: because another process has taken the socket over
// and listens at the path. One that was given to Serve by another process stays, unless this
// says otherwise. Call it before Close. For other sockets it does nothing.
func (l *Listener) SetRemoveFile(remove bool) {
	u, ok := l.ln.(*net.UnixListener)
	if !ok {
		return
	}
	u.SetUnlinkOnClose(false)
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if !remove {
		l.file = nil
	} else if l.file == nil {
		l.file = socketFileAt(u.Addr().String())
	}
}

// takeFile returns the file of a Unix socket that is to be removed, once, or nil.
func (l *Listener) takeFile() *socketFile {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	f := l.file
	l.file = nil
	return f
}
