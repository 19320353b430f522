//go:build unix

package restart

// The new process' side: Take and Commit.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/internal/guard"
)

// process is what a Restart has where sockets can be handed over. It is guarded by its mu.
type process struct {
	link    *link             // to the old process, between Take and Commit
	control *net.UnixListener // at Config.Path; nil: none yet
	file    fs.FileInfo       // of Config.Path, as this process knows it
	serving chan struct{}     // closed when no hand-over is under way, after Close or the end of an Offer
}

// Take takes over from the process that offers a hand-over at Config.Path: it returns its
// listeners, and calls Import for each State that it has. The old process accepts nothing
// meanwhile, and who connects waits in the kernel. Nothing may be accepted here before Commit:
// if this process fails or ends before, the old one goes on.
//
// ErrNobody means that there is no such process, and that this one is the first. With any other
// error this process has nothing, and the old one goes on.
func (r *Restart) Take(ctx context.Context) ([]Socket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if r.step != starting {
		return nil, ErrOrder
	}
	l, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { l.nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	all, err := r.take(l)
	if err != nil {
		closeSockets(all)
		l.fail(err)
		return nil, errors.Join(err, ctx.Err())
	}
	r.process.control = all[0].Listener.(*net.UnixListener)
	r.process.link, r.step = l, taken
	return all[1:], nil
}

// dial connects to the old process.
func (r *Restart) dial(ctx context.Context) (*link, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", r.cfg.Path)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, ErrNobody
	}
	if err != nil {
		return nil, err
	}
	return newLink(nc.(*net.UnixConn), r.until(ctx))
}

// until is when a hand-over that begins now has to be over.
func (r *Restart) until(ctx context.Context) time.Time {
	end := time.Now().Add(r.cfg.Time)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		return d
	}
	return end
}

// take returns the control socket and the listeners, and has the states imported.
func (r *Restart) take(l *link) (all []Socket, err error) {
	if err := l.send(kindHello, appendHello(nil)); err != nil {
		return nil, err
	}
	payload, err := l.receive(kindSockets)
	if err != nil {
		return nil, err
	}
	names, err := parseNames(payload)
	if err != nil {
		return nil, err
	}
	if len(l.fds) != len(names)+1 {
		return nil, &MessageError{fmt.Sprintf("%d descriptors for %d names", len(l.fds), len(names))}
	}
	all, err = sockets(slices.Concat([]string{r.cfg.Path}, names), l.takeFDs())
	if err != nil {
		return nil, err
	}
	if _, ok := all[0].Listener.(*net.UnixListener); !ok {
		return all, &MessageError{"a control socket that is no Unix socket"}
	}
	if err := l.send(kindTaken, nil); err != nil {
		return all, err
	}
	return all, r.importAll(l)
}

// importAll reads the states.
func (r *Restart) importAll(l *link) error {
	for n := uint64(0); ; n++ {
		k, payload, err := l.receiveAny()
		if err != nil {
			return err
		}
		switch k {
		case kindEnd:
			sent, err := parseCount(kindEnd, payload)
			if err == nil && sent != n {
				err = &MessageError{fmt.Sprintf("%d states of %d", n, sent)}
			}
			return err
		case kindState:
			if err := r.importState(l, payload); err != nil {
				return err
			}
		default:
			return &MessageError{fmt.Sprintf("%v among the states", k)}
		}
	}
}

// importState reads one state, and has it imported.
func (r *Restart) importState(l *link, payload []byte) error {
	name, size, err := parseState(payload)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.cfg.States, func(s State) bool { return s.Name == name && s.Import != nil })
	if i < 0 {
		return &StateError{name, errUnknownState}
	}
	if size > uint64(r.cfg.MaxState) {
		return &StateError{name, errTooLarge}
	}
	var b []byte // grows with what comes, whatever the size says
	for uint64(len(b)) < size {
		part, err := l.receive(kindBytes)
		if err != nil {
			return err
		}
		if len(part) == 0 || uint64(len(b)+len(part)) > size {
			return &MessageError{"bytes that are none, or more than the state has"}
		}
		b = append(b, part...)
	}
	err = errPanicked
	guard.Call(func() { err = r.cfg.States[i].Import(b) }, func(any) {})
	if err != nil {
		return &StateError{name, err}
	}
	return nil
}

// Commit tells the old process that this one can serve, and returns when the old one has said
// that it does not any more. From then on, and not before, this process may accept at the
// listeners of Take. With an error, ErrNotCommitted among them, it may not, and has to end.
// If Take has returned ErrNobody, Commit does nothing.
func (r *Restart) Commit(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.step == starting {
		return r.advance([]step{starting}, committed)
	}
	if err := r.advance([]step{taken}, committed); err != nil {
		return err
	}
	l := r.process.link
	r.process.link = nil
	defer l.close()
	l.nc.SetDeadline(r.until(ctx))
	stop := context.AfterFunc(ctx, func() { l.nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := l.send(kindReady, nil)
	if err == nil {
		_, err = l.receive(kindCommit)
	}
	if err == nil {
		err = l.send(kindServing, nil)
	}
	if err != nil {
		r.closeControl()
		r.closed = true
		return errors.Join(fmt.Errorf("%w: %w", ErrNotCommitted, err), ctx.Err())
	}
	r.noteFile()
	return nil
}
