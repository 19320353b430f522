//go:build unix

package restart

// The old process' side: Offer, and the hand-over to the one that comes.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/internal/unixsocket"
)

// Offer offers a hand-over at Config.Path from now on: of these listeners, and of the states.
// When a process has taken over, Replaced is closed. A process that fails on the way changes
// nothing: the states are resumed, and the listeners accept again.
//
// The socket at Config.Path is for this user alone. A file that a process has left there that
// was killed is replaced.
func (r *Restart) Offer(listeners ...Listener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	files, err := duplicates(listeners) // to see that it can be done
	if err != nil {
		return err
	}
	closeFiles(files)
	before := r.step
	if err := r.advance([]step{starting, committed}, offered); err != nil {
		return err
	}
	if r.process.control == nil {
		if err := r.openControl(); err != nil {
			r.step = before
			return err
		}
	}
	r.process.serving = make(chan struct{})
	go r.serve(r.process.control, listeners, r.process.serving)
	return nil
}

// openControl listens at Config.Path. The socket is made beside it and then moved there, so
// that nobody can connect before its mode is set, and what a killed process has left is
// replaced in one step.
func (r *Restart) openControl() error {
	if nc, err := net.DialTimeout("unix", r.cfg.Path, time.Second); err == nil {
		nc.Close()
		return ErrOffered
	}
	if info, err := os.Lstat(r.cfg.Path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("restart: %s is there and is no socket", r.cfg.Path)
	}
	beside := fmt.Sprintf("%s.%d", r.cfg.Path, os.Getpid())
	os.Remove(beside) // of an earlier process with this number
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: beside, Net: "unix"})
	if err != nil {
		return err
	}
	ln.SetUnlinkOnClose(false)
	if err = os.Chmod(beside, 0o600); err == nil {
		err = os.Rename(beside, r.cfg.Path)
	}
	if err != nil {
		ln.Close()
		os.Remove(beside)
		return err
	}
	r.process.control = ln
	r.noteFile()
	return nil
}

// noteFile notes which file is at Config.Path, as that of this process.
func (r *Restart) noteFile() { r.process.file, _ = os.Lstat(r.cfg.Path) }

// closeControl closes the control socket, if there is one. Its file stays.
func (r *Restart) closeControl() {
	if r.process.control != nil {
		r.process.control.Close()
		r.process.control = nil
	}
}

// Close ends an Offer, after a hand-over that is under way, and removes the file of its socket unless
// another process has taken over. A Take that was not committed is given up, and the old process goes on.
func (r *Restart) Close() error {
	r.mu.Lock()
	if r.process.link != nil {
		r.process.link.close()
		r.process.link = nil
	}
	r.closed = true
	control, serving, file := r.process.control, r.process.serving, r.process.file
	r.closeControl()
	r.mu.Unlock()
	if serving != nil {
		<-serving
	}
	select {
	case <-r.replaced: // the file is the other process'
		return nil
	default:
	}
	if control != nil && file != nil {
		if info, err := os.Lstat(r.cfg.Path); err == nil && os.SameFile(info, file) {
			return os.Remove(r.cfg.Path)
		}
	}
	return nil
}

// serve hands over to one process after the other, until one has taken over or the control
// socket is closed.
func (r *Restart) serve(control *net.UnixListener, listeners []Listener, over chan<- struct{}) {
	defer close(over)
	for {
		nc, err := control.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			r.cfg.Logger.Error("restart: accept failed", "err", err)
			time.Sleep(100 * time.Millisecond) // for want of descriptors, most likely
			continue
		}
		err = r.handOver(control, nc, listeners)
		if err == nil {
			r.cfg.Logger.Info("restart: another process has taken over")
			control.Close()
			close(r.replaced)
			return
		}
		r.cfg.Logger.Warn("restart: a hand-over failed, this process goes on", "err", err)
	}
}

// handOver hands over to the process at the other end of nc. With an error this process goes
// on as before.
func (r *Restart) handOver(control *net.UnixListener, nc *net.UnixConn, listeners []Listener) error {
	l, err := newLink(nc, r.until(context.Background()))
	if err != nil {
		return err
	}
	if err := r.greet(l, control, listeners); err != nil {
		l.fail(err)
		return err
	}
	if err := r.letGo(l, listeners); err != nil {
		l.fail(err)
		return err
	}
	l.close()
	return nil
}

// greet gives the sockets, which changes nothing in this process.
func (r *Restart) greet(l *link, control *net.UnixListener, listeners []Listener) error {
	payload, err := l.receive(kindHello)
	if err != nil {
		return err
	}
	other, err := parseHello(payload)
	if err != nil {
		return err
	}
	if other != version {
		return &VersionError{other, version}
	}
	files, err := duplicates(listeners)
	if err != nil {
		return err
	}
	defer closeFiles(files)
	own, err := unixsocket.Duplicate(control, r.cfg.Path)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := l.sendFiles(kindSockets, appendNames(nil, namesOf(listeners)), slices.Concat([]*os.File{own}, files)); err != nil {
		return err
	}
	_, err = l.receive(kindTaken)
	return err
}

// letGo stops this process' serving, has the other one go on with the states, and undoes it
// all if that one fails.
func (r *Restart) letGo(l *link, listeners []Listener) (err error) {
	var undo []func()
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				guard.Call(f, func(any) {})
			}
		}
	}()
	for _, ln := range listeners {
		undo = append(undo, func() { ln.ResumeAccept() })
		if err := ln.PauseAccept(); err != nil {
			return &SocketError{-1, ln.Name, err}
		}
	}
	for _, s := range r.cfg.States {
		if s.Resume != nil {
			undo = append(undo, s.Resume)
		}
		if err := r.export(l, s); err != nil {
			return err
		}
	}
	if err := l.send(kindEnd, codec.AppendUint(nil, uint64(len(r.cfg.States)))); err != nil {
		return err
	}
	if _, err := l.receive(kindReady); err != nil {
		return err
	}
	if err := r.commit(l); err != nil {
		return err
	}
	for _, ln := range listeners {
		ln.SetRemoveFile(false)
	}
	return nil
}

// servingTime bounds how long the other process may take to say that it serves, once it was told that
// it may. It has nothing to do meanwhile but that. Nobody serves until then: with a longer time one
// that hangs keeps clients waiting for longer, with a shorter one a busy machine undoes hand-overs.
const servingTime = 5 * time.Second

// commit leaves the serving to the other process. With an error that one has not said that it
// serves, and cannot say so any more.
func (r *Restart) commit(l *link) error {
	if err := l.send(kindCommit, nil); err != nil {
		return err
	}
	l.nc.SetDeadline(time.Now().Add(min(r.cfg.Time, servingTime)))
	_, err := l.receive(kindServing)
	if err == nil || hasEnded(err) {
		return err
	}
	if !readEndIsFinal {
		r.cfg.Logger.Error("restart: the other process does not say that it serves; it is left to it all the same", "err", err)
		return nil
	}
	return l.lastWord(err)
}

// export has a state exported, and sends it.
func (r *Restart) export(l *link, s State) error {
	if s.Export == nil {
		return &StateError{s.Name, errors.New("there is no Export")}
	}
	var b []byte
	err := errPanicked
	guard.Call(func() { b, err = s.Export() }, func(any) {})
	if err == nil && len(b) > r.cfg.MaxState {
		err = errTooLarge
	}
	if err != nil {
		return &StateError{s.Name, err}
	}
	if err := l.send(kindState, appendState(nil, s.Name, len(b))); err != nil {
		return err
	}
	for part := range slices.Chunk(b, chunk) {
		if err := l.send(kindBytes, part); err != nil {
			return err
		}
	}
	return nil
}
