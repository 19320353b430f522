package engine

// Listeners: they accept sockets on goroutines of their own and bring them to the loops.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/packetmq/packetmq/internal/guard"
)

// Acceptor makes the conn for an accepted socket: zero memory for it, and the
// protocol above it. A nil conn refuses the socket, which is then closed.
//
// It is called on goroutines of the listener's, several at a time.
type Acceptor func(nc net.Conn) (*Conn, Handler)

// enrolling is how many accepted sockets of a listener wait for their loops at the same
// time. With more, a flood of dials takes memory here and not in the kernel; with fewer, a
// busy loop takes in fewer at once.
const enrolling = 64

// Listener accepts conns for a reactor.
type Listener struct {
	r      *Reactor
	ln     net.Listener
	addr   net.Addr
	accept Acceptor
	take   func(nc net.Conn) // in place of accept
	shut   chan struct{}     // closed by Close
	once   sync.Once
	freed  chan struct{} // closed when ln is
	err    error         // of that
	done   chan struct{} // closed when nothing is accepted any more
	closed chan struct{} // closed after freed and done

	// Guarded by r.mu.
	file   *socketFile   // of a Unix socket; nil: none is to be removed
	paused chan struct{} // closed when nothing is accepted because of PauseAccept; nil: it was not called
}

// Listen accepts conns at addr from now on, as soon as and whenever the reactor
// runs; before that, and while it is stopped, they wait in the kernel. The
// network is tcp, tcp4, tcp6 or unix.
//
// A Unix socket file that a server has left when it was killed is found out by a
// dial, and replaced; where a server listens, the error says so. Close removes
// the file, unless another server has taken the path over.
func (r *Reactor) Listen(network, addr string, accept Acceptor) (*Listener, error) {
	if err := nonNil("acceptor", accept); err != nil {
		return nil, err
	}
	return r.listen(network, addr, &Listener{accept: accept})
}

// ListenFunc is Listen for what has to be done to a socket before it can be opened
// by Inject or Enrol, such as a TLS handshake: take is given every accepted socket,
// and owns it. It is called like an Acceptor; while 64 calls are under way nothing
// more is accepted here.
func (r *Reactor) ListenFunc(network, addr string, take func(nc net.Conn)) (*Listener, error) {
	if err := nonNil("function", take); err != nil {
		return nil, err
	}
	return r.listen(network, addr, &Listener{take: take})
}

// Serve is Listen at a listener of the program's: one that it was given by the
// system, or has set up by itself. What is no TCP or Unix socket is opened as by
// Inject. Serve takes ln over in any case, and it is closed with the Listener.
func (r *Reactor) Serve(ln net.Listener, accept Acceptor) (*Listener, error) {
	if err := nonNil("listener", ln, "acceptor", accept); err != nil {
		return nil, notServed(ln, err)
	}
	return r.serve(ln, &Listener{accept: accept})
}

// ServeFunc is to Serve as ListenFunc is to Listen.
func (r *Reactor) ServeFunc(ln net.Listener, take func(nc net.Conn)) (*Listener, error) {
	if err := nonNil("listener", ln, "function", take); err != nil {
		return nil, notServed(ln, err)
	}
	return r.serve(ln, &Listener{take: take})
}

// notServed closes a listener that is not taken, and returns why.
func notServed(ln net.Listener, err error) error {
	if !isNil(ln) {
		ln.Close()
	}
	return err
}

func (r *Reactor) listen(network, addr string, l *Listener) (_ *Listener, err error) {
	if r.virtual {
		return nil, ErrVirtual
	}
	var ln net.Listener
	switch network {
	case "tcp", "tcp4", "tcp6":
		ln, err = r.cfg.listenConfig().Listen(context.Background(), network, addr)
	case "unix":
		ln, l.file, err = listenUnix(r.cfg.listenConfig(), addr)
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	if err != nil {
		return nil, err
	}
	return r.serve(ln, l)
}

// serve has l accept at ln.
func (r *Reactor) serve(ln net.Listener, l *Listener) (*Listener, error) {
	l.setUp(r, ln)
	if err := r.add(l); err != nil {
		l.file.remove()
		ln.Close()
		return nil, err
	}
	go l.serve()
	return l, nil
}

// setUp makes what a listener needs.
func (l *Listener) setUp(r *Reactor, ln net.Listener) {
	l.r, l.ln, l.addr = r, ln, ln.Addr()
	l.shut, l.freed, l.done, l.closed = make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
}

// add takes a listener in.
func (r *Reactor) add(l *Listener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.virtual:
		return ErrVirtual
	case r.state >= ending || r.draining.Load():
		return ErrClosed
	case l.accept == nil && l.take == nil:
		return errors.New("engine: nil Acceptor")
	}
	r.listeners[l] = struct{}{}
	return nil
}

// Addr is the address that is listened at, with the real port.
func (l *Listener) Addr() net.Addr { return l.addr }

// Done is closed when the listener has been closed, by Close or by the end of
// the reactor.
func (l *Listener) Done() <-chan struct{} { return l.done }

// Close stops listening; conns that were accepted stay. It returns when the
// listener's goroutine has ended; on a loop, which that may wait for, as soon as the
// socket is closed. A listener of the program's that hangs is waited for as a callback
// is by Stop, and the error is ErrStuck then.
// Calls of the Acceptor that are under way are not waited for, since one of them
// may be what calls Close: what comes of them is opened, if the reactor runs on.
func (l *Listener) Close() error {
	r := l.r
	l.once.Do(func() {
		r.mu.Lock()
		delete(r.listeners, l)
		if r.closingListeners == nil {
			r.closingListeners = make(map[*Listener]struct{})
		}
		r.closingListeners[l] = struct{}{}
		r.cond.Broadcast()
		r.mu.Unlock()
		close(l.shut)
		l.takeFile().remove()
		go l.hangUp()
	})
	end := l.closed
	if r.OnLoop() {
		end = l.freed
	}
	hangs := time.NewTimer(r.stuckTime())
	defer hangs.Stop()
	select {
	case <-end:
	case <-hangs.C:
		return fmt.Errorf("%v does not close: %w", l, ErrStuck)
	}
	if errors.Is(l.err, net.ErrClosed) {
		return nil
	}
	return l.err
}

// hangUp closes ln, which may be the program's, and counts the listener out.
func (l *Listener) hangUp() {
	defer l.hungUp()
	defer close(l.freed)
	guard.Call(func() { l.err = l.ln.Close() }, func(v any) { l.err = panicked(v) })
}

func (l *Listener) hungUp() {
	<-l.done
	close(l.closed)
	l.r.mu.Lock()
	delete(l.r.closingListeners, l)
	l.r.cond.Broadcast()
	l.r.mu.Unlock()
}

// String names the listener, for an UnfinishedError.
func (l *Listener) String() string { return fmt.Sprintf("%T at %v", l.ln, l.addr) }

// closeListeners closes all of them. One that hangs is not waited for here: teardown waits
// for it after everything else is closed.
func (r *Reactor) closeListeners() {
	var closing sync.WaitGroup
	r.mu.Lock()
	for l := range r.listeners {
		closing.Go(func() { l.Close() })
	}
	r.mu.Unlock()
	closed := make(chan struct{})
	go func() { closing.Wait(); close(closed) }()
	hangs := time.NewTimer(hangUpTime)
	defer hangs.Stop()
	select {
	case <-closed:
	case <-hangs.C:
	}
}

// errNoConn is what Accept of a program's listener did wrong.
var errNoConn = errors.New("engine: Accept returned neither a conn nor an error")

// serve accepts until the listener is closed. A goroutine of its own means that
// running out of descriptors stops nothing else.
func (l *Listener) serve() {
	defer close(l.done)
	slots := make(chan struct{}, enrolling)
	var delay time.Duration
	for l.waitUntilAccepting() {
		nc, err := l.next()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && l.isPaused() {
			continue
		}
		if err != nil {
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			l.r.log(slog.LevelWarn, "accept failed", "addr", l.addr, "err", err, "again", delay)
			l.pause(delay)
			continue
		}
		delay = 0
		if !l.waitUntilRunning() { // stopped meanwhile: this one waits here, the others in the kernel
			nc.Close()
			return
		}
		select {
		case slots <- struct{}{}:
		case <-l.shut:
			nc.Close()
			return
		}
		go func() {
			defer func() { <-slots }()
			l.takeIn(nc)
		}()
	}
}

// next accepts a conn. What ln does in a program's code stays there.
func (l *Listener) next() (nc net.Conn, err error) {
	guard.Call(func() {
		if nc, err = l.ln.Accept(); err == nil && isNil(nc) {
			err = errNoConn
		}
	}, func(v any) {
		if err = panicked(v); v == nil {
			l.r.log(slog.LevelError, "Accept called runtime.Goexit, and nothing more is accepted", "addr", l.addr)
		}
	})
	return nc, err
}

// waitUntilAccepting waits until the reactor runs and the listener is not paused; false means
// that the listener is closed.
func (l *Listener) waitUntilAccepting() bool {
	return l.waitUntil(func() bool {
		if l.paused != nil {
			l.notePaused()
		}
		return l.r.state == running && l.paused == nil
	})
}

// waitUntilRunning waits until the reactor runs; false means that the listener is closed. A
// pause does not count: what has been accepted would be lost with the process.
func (l *Listener) waitUntilRunning() bool {
	return l.waitUntil(func() bool { return l.r.state == running })
}

// waitUntil waits until ok, which is called with r.mu held; false means that the listener is
// closed.
func (l *Listener) waitUntil(ok func() bool) bool {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if _, open := r.listeners[l]; !open || r.state >= ending {
			return false
		}
		if ok() {
			return true
		}
		r.cond.Wait()
	}
}

func (l *Listener) isPaused() bool {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	return l.paused != nil
}

func (l *Listener) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.shut:
	}
}

// takeIn brings an accepted socket to a loop.
func (l *Listener) takeIn(nc net.Conn) {
	c, h, taken := l.call(nc)
	if c == nil {
		if !taken {
			nc.Close()
		}
		return
	}
	if err := l.r.open(nc, c, h); err != nil {
		notOpened(c, h, err)
	}
}

// call calls the acceptor, or what takes its place; a panic or a Goexit in it
// refuses the socket.
func (l *Listener) call(nc net.Conn) (c *Conn, h Handler, taken bool) {
	guard.Call(func() {
		l.r.cfg.setUp(nc)
		if l.take != nil {
			l.take(nc)
			taken = true
			return
		}
		c, h = l.accept(nc)
	}, func(v any) {
		if v != nil {
			l.r.log(slog.LevelError, "acceptor panicked", "panic", v, "stack", string(debug.Stack()))
			return
		}
		nc.Close() // since the caller's code does not run after a Goexit
		l.r.log(slog.LevelError, "acceptor called runtime.Goexit", "stack", string(debug.Stack()))
	})
	return c, h, taken
}

func notOpened(c *Conn, h Handler, err error) {
	if u, ok := h.(Unopened); ok {
		u.NotOpened(c, err)
	}
}
