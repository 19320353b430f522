package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// Acceptor makes the conn for an accepted socket: zero memory for it, and the
// protocol above it. A nil conn refuses the socket, which is then closed.
//
// It is called on goroutines of the listener's, several at a time.
type Acceptor func(nc net.Conn) (*Conn, Handler)

// enrolling is how many accepted sockets of a listener wait for their loops at
// the same time: a busy loop takes several in at once, and a flood of dials
// waits in the kernel.
const enrolling = 64

// Listener accepts conns for a reactor.
type Listener struct {
	r      *Reactor
	ln     net.Listener
	file   *socketFile // of a Unix socket; nil: none is to be removed
	accept Acceptor
	take   func(nc net.Conn) // in place of accept
	shut   chan struct{}     // closed by Close
	once   sync.Once
	done   chan struct{}
}

// Listen accepts conns at addr from now on, as soon as and whenever the reactor
// runs; before that, and while it is stopped, they wait in the kernel. The
// network is tcp, tcp4, tcp6 or unix.
//
// A Unix socket file that a server has left when it was killed is found out by a
// dial, and replaced; where a server listens, the error says so. Close removes
// the file, unless another server has taken the path over.
func (r *Reactor) Listen(network, addr string, accept Acceptor) (*Listener, error) {
	if err := need("acceptor", accept); err != nil {
		return nil, err
	}
	return r.listen(network, addr, &Listener{accept: accept})
}

// ListenFunc is Listen for what has to be done to a socket before it can be
// injected, such as a TLS handshake: take is given every accepted socket, and
// owns it. It is called like an Acceptor; while 64 calls are under way nothing
// more is accepted here.
func (r *Reactor) ListenFunc(network, addr string, take func(nc net.Conn)) (*Listener, error) {
	if err := need("function", take); err != nil {
		return nil, err
	}
	return r.listen(network, addr, &Listener{take: take})
}

// Serve is Listen at a listener of the program's: one that it was given by the
// system, or has set up by itself. What is no TCP or Unix socket is opened as by
// Inject. Serve takes ln over in any case, and it is closed with the Listener.
func (r *Reactor) Serve(ln net.Listener, accept Acceptor) (*Listener, error) {
	if err := need("listener", ln, "acceptor", accept); err != nil {
		return nil, err
	}
	return r.serve(ln, &Listener{accept: accept})
}

// ServeFunc is to Serve as ListenFunc is to Listen.
func (r *Reactor) ServeFunc(ln net.Listener, take func(nc net.Conn)) (*Listener, error) {
	if err := need("listener", ln, "function", take); err != nil {
		return nil, err
	}
	return r.serve(ln, &Listener{take: take})
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
	if ln == nil {
		return nil, errors.New("engine: nil net.Listener")
	}
	l.r, l.ln, l.shut, l.done = r, ln, make(chan struct{}), make(chan struct{})
	if err := r.add(l); err != nil {
		l.file.remove()
		ln.Close()
		return nil, err
	}
	go l.serve()
	return l, nil
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
	r.lns[l] = struct{}{}
	return nil
}

// Addr is the address that is listened at, with the real port.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Done is closed when the listener has been closed, by Close or by the end of
// the reactor.
func (l *Listener) Done() <-chan struct{} { return l.done }

// Close stops listening; conns that were accepted stay. It returns when the
// listener's goroutine has ended; on a loop, which that may wait for, at once.
// Calls of the Acceptor that are under way are not waited for, since one of them
// may be what calls Close: what comes of them is opened, if the reactor runs on.
func (l *Listener) Close() error {
	l.r.mu.Lock()
	delete(l.r.lns, l)
	l.r.cond.Broadcast()
	l.r.mu.Unlock()
	l.once.Do(func() {
		close(l.shut)
		l.file.remove()
	})
	err := l.ln.Close()
	if !l.r.OnLoop() {
		<-l.done
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (r *Reactor) closeListeners() {
	r.mu.Lock()
	lns := make([]*Listener, 0, len(r.lns))
	for l := range r.lns {
		lns = append(lns, l)
	}
	r.mu.Unlock()
	for _, l := range lns {
		l.Close()
	}
}

// serve accepts until the listener is closed. A goroutine of its own means that
// running out of descriptors stops nothing else.
func (l *Listener) serve() {
	defer close(l.done)
	slots := make(chan struct{}, enrolling)
	var delay time.Duration
	for l.ready() {
		nc, err := l.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			l.r.log(slog.LevelWarn, "accept failed", "addr", l.Addr(), "err", err, "again in", delay)
			l.pause(delay)
			continue
		}
		delay = 0
		if !l.ready() { // stopped meanwhile: this one waits here, the others in the kernel
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
			l.bring(nc)
		}()
	}
}

// ready waits until the reactor runs; false means that the listener is closed.
func (l *Listener) ready() bool {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if _, ok := r.lns[l]; !ok || r.state >= ending {
			return false
		}
		if r.state == running {
			return true
		}
		r.cond.Wait()
	}
}

func (l *Listener) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.shut:
	}
}

// bring takes an accepted socket onto a loop.
func (l *Listener) bring(nc net.Conn) {
	l.r.cfg.setUp(nc)
	c, h, taken := l.call(nc)
	if c == nil {
		if !taken {
			nc.Close()
		}
		return
	}
	if err := l.open(nc, c, h); err != nil {
		notOpened(c, h, err)
	}
}

// open opens c over nc: on the poller, if that is a socket.
func (l *Listener) open(nc net.Conn, c *Conn, h Handler) error {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return l.r.enrol(context.Background(), nc, c, h)
	}
	return l.r.Inject(nc, c, h)
}

// call calls the acceptor, or what takes its place; a panic or a Goexit in it
// refuses the socket.
func (l *Listener) call(nc net.Conn) (c *Conn, h Handler, taken bool) {
	returned := false
	defer func() {
		v := recover()
		if returned {
			return
		}
		if v == nil { // Goexit, and this is all that is left to run
			nc.Close()
			l.r.log(slog.LevelError, "acceptor called runtime.Goexit", "stack", string(debug.Stack()))
		} else {
			l.r.log(slog.LevelError, "acceptor panicked", "panic", v, "stack", string(debug.Stack()))
			c = nil
		}
	}()
	if l.take != nil {
		l.take(nc)
		returned = true
		return nil, nil, true
	}
	c, h = l.accept(nc)
	returned = true
	return c, h, false
}

func notOpened(c *Conn, h Handler, err error) {
	if u, ok := h.(Unopened); ok {
		u.NotOpened(c, err)
	}
}
