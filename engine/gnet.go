//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// poller drives one loop with one gnet client engine of one event loop. gnet's
// client engines need no listener and take conns in while they run; one engine
// a loop means that the loop for a conn is ours to choose.
//
// gnet's own task queue is not used: past about a thousand tasks it is not
// first-in first-out, a task that posts itself again starves the sockets, and
// every task costs an allocation or three. The loop has its own queue, and one
// end of a socket pair, enrolled like any conn, as its bell.
type poller struct {
	gnet.BuiltinEventEngine
	loop   *Loop
	client *gnet.Client
	ringer net.Conn // the bell's other end
	runner *runner
	event  event
}

// event is what the runner is to handle. The zero event is the bell.
type event struct {
	s    *socket
	gc   gnet.Conn // that was opened, or closed
	in   []byte
	lost bool
	err  error // why it was
}

// bell is the context of the enrolled end.
type bell struct{}

func startDriver(l *Loop) (driver, error) {
	p := &poller{loop: l}
	client, err := gnet.NewClient(p,
		gnet.WithNumEventLoop(1),
		gnet.WithReadBufferCap(l.r.cfg.ReadBuffer),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(gnetLog{l.r}),
	)
	if err != nil {
		return nil, err
	}
	if err := client.Start(); err != nil {
		return nil, err
	}
	p.client = client
	ours, theirs, err := socketPair()
	if err != nil {
		client.Stop()
		return nil, err
	}
	p.ringer = ours
	l.setBell(p.ring)
	if _, err := client.EnrollContext(theirs, bell{}); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

var ringing = []byte{1}

// ring never blocks for long: a pair that is full holds rings to come.
func (p *poller) ring() { p.ringer.Write(ringing) }

func (p *poller) stop() {
	p.client.Stop()
	if p.runner != nil {
		p.runner.end()
	}
	p.ringer.Close()
}

func (p *poller) enrol(nc net.Conn, c *Conn) error {
	if c.local.Network() == "unix" {
		c.local = ownUnixAddr(c.local) // gnet writes a name of its own into it
	}
	noZones(c)
	s := (*socket)(c)
	c.tr = s
	if _, err := p.client.EnrollContext(nc, s); err != nil {
		return err
	}
	if !s.enrolled {
		return errors.New("engine: the poller did not take the socket")
	}
	return nil
}

// noZones gives c addresses of its own and takes the zones out of the
// socket's: gnet puts their bytes into its buffer pool when the conn ends.
func noZones(c *Conn) {
	for _, a := range []*net.Addr{&c.local, &c.remote} {
		if t, ok := (*a).(*net.TCPAddr); ok && t.Zone != "" {
			own := *t
			t.Zone = ""
			*a = &own
		}
	}
}

func ownUnixAddr(a net.Addr) net.Addr {
	if u, ok := a.(*net.UnixAddr); ok {
		own := *u
		return &own
	}
	return a
}

// OnOpen implements gnet.EventHandler.
func (p *poller) OnOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	s, ok := gc.Context().(*socket)
	if !ok {
		p.runner = newRunner(p.loop, p.handle)
		return nil, gnet.None
	}
	p.event = event{s: s, gc: gc}
	p.runner.run()
	p.event = event{}
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (p *poller) OnTraffic(gc gnet.Conn) gnet.Action {
	// All of it is taken every time: gnet would keep the rest in a ring that
	// grows without bound and would copy it out again.
	b, _ := gc.Next(-1)
	s, _ := gc.Context().(*socket)
	p.event.s, p.event.in = s, b
	p.runner.run()
	p.event.s, p.event.in = nil, nil
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (p *poller) OnClose(gc gnet.Conn, err error) gnet.Action {
	s, ok := gc.Context().(*socket)
	if !ok || s.gc == nil {
		return gnet.None
	}
	p.loop.sockets--
	if s.inGnet { // from within a callback of ours
		if s.over { // by Close
			s.gc = nil
		} else { // a write that failed
			s.lost(gc, err)
		}
		return gnet.None
	}
	p.event = event{s: s, gc: gc, lost: true, err: err}
	p.runner.run()
	p.event = event{}
	return gnet.None
}

// handle handles the event. Should runtime.Goexit end it, the runner exits.
func (p *poller) handle() {
	e := &p.event
	p.loop.enter()
	switch {
	case e.s == nil:
		p.loop.turn()
	case e.lost:
		e.s.lost(e.gc, e.err)
	case e.gc != nil:
		e.s.gc, e.s.enrolled = e.gc, true
		p.loop.sockets++
		e.s.conn().start()
	default:
		if e.s.take(e.in); p.loop.gathers() {
			p.loop.leave()
			p.loop.exit()
			return
		}
	}
	p.loop.done()
	p.loop.exit()
}

// polled is what a Conn has for its socket.
type polled struct {
	gc    gnet.Conn
	aside *aside // nil: nothing is
}

// socket is a Conn as a Transport over one of gnet's conns. It is that conn's
// only holder: gc is emptied when gnet closes it, so that nothing is ever
// written to a descriptor that belongs to somebody else by then. It is not an
// object of its own because that would take more memory.
type socket Conn

// aside is what a socket only has at times.
type aside struct {
	sink  Sink   // of a Wrapper; nil: the conn
	input []byte // that the conn has not taken yet
	end   error  // the end, while input is held
}

func (s *socket) conn() *Conn { return (*Conn)(s) }

// sink is where input and the end go.
func (s *socket) sink() Sink {
	if a := s.aside; a != nil && a.sink != nil {
		return a.sink
	}
	return s.conn()
}

// input is what the conn has not taken yet.
func (s *socket) input() []byte {
	if s.aside == nil {
		return nil
	}
	return s.aside.input
}

// end is the end that comes behind the input.
func (s *socket) end() error {
	if s.aside == nil {
		return nil
	}
	return s.aside.end
}

// put is aside, for something to be put there.
func (s *socket) put() *aside {
	if s.aside == nil {
		s.aside = new(aside)
	}
	return s.aside
}

// hold puts b behind the input that is held.
func (s *socket) hold(b []byte) {
	a := s.put()
	a.input = append(a.input, b...)
}

// keep has b be all the input that is held.
func (s *socket) keep(b []byte) {
	switch a := s.aside; {
	case a == nil:
	case len(b) > 0:
		a.input = b
	case a.sink == nil && a.end == nil:
		s.aside = nil
	default:
		a.input = nil
	}
}

// Open implements Transport.
func (s *socket) Open(sink Sink) {
	if sink != Sink(s.conn()) {
		s.put().sink = sink
	}
}

// take delivers b, or holds what the conn has not taken: a socket cannot be
// asked to wait, and gnet reads it again in the next round.
func (s *socket) take(b []byte) {
	if len(s.input()) > 0 {
		s.hold(b)
		for len(s.input()) > maxBacklog && s.deliverHeld() {
		}
		if len(s.input()) > maxBacklog {
			s.Close()
			s.over = false
			s.finish(ErrBacklog)
		}
		return
	}
	sink := s.sink()
	n := sink.Received(b)
	for more := n > 0; more && n < len(b) && !s.over && !s.loop.Halted(); {
		// Another share at once: gnet reads no more than Config.ReadBuffer
		// before the other sockets have theirs, and what is held is copied.
		s.loop.untaken = b[n:]
		s.conn().unload()
		if s.loop.untaken == nil { // the write failed, and lost holds it
			return
		}
		s.loop.untaken = nil
		k := sink.Received(b[n:])
		n, more = n+k, k > 0
	}
	if n < len(b) && !s.over {
		s.hold(b[n:])
		sink.Wake(s.loop)
	}
}

// deliverHeld offers what is held; it reports whether some is left.
func (s *socket) deliverHeld() bool {
	n := 0
	if !s.over {
		n = s.sink().Received(s.input())
	}
	if s.over || n >= len(s.input()) {
		s.keep(nil)
		return false
	}
	s.keep(s.input()[n:])
	return n > 0
}

// Pump implements Transport.
func (s *socket) Pump() (more bool) {
	if len(s.input()) > 0 {
		s.deliverHeld()
	}
	if len(s.input()) > 0 {
		return true
	}
	if err := s.end(); err != nil {
		s.finish(err)
	}
	return false
}

// lost is called when gnet closes the conn, while its descriptor still is
// open. The end is delivered behind the input.
func (s *socket) lost(gc gnet.Conn, err error) {
	if rest := s.loop.untaken; rest != nil {
		s.hold(rest)
		s.loop.untaken = nil
	}
	if failedWrite(err) {
		// The other side may have said why before it closed.
		s.salvage(gc.Fd())
	}
	s.gc = nil
	if err == nil || errors.Is(err, io.EOF) {
		err = io.EOF
	}
	// A Wrapper's code does not run within a call of gnet, which a Goexit would
	// keep from closing the descriptor.
	wrapped := s.aside != nil && s.aside.sink != nil
	if len(s.input()) > 0 || s.inGnet && wrapped {
		s.put().end = err
		s.sink().Wake(s.loop)
		return
	}
	s.finish(err)
}

func (s *socket) finish(err error) {
	if !s.over {
		s.over = true
		s.sink().Ended(err)
	}
}

func failedWrite(err error) bool {
	var e *os.SyscallError
	return errors.As(err, &e) && e.Syscall == "write"
}

// salvage holds what the kernel still has for a socket that cannot be written
// to any more.
func (s *socket) salvage(fd int) {
	buf := make([]byte, 64<<10)
	for len(s.input()) < maxBacklog {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		s.hold(buf[:n])
	}
}

// Write implements Transport.
func (s *socket) Write(b *Buffer) error {
	if s.gc == nil {
		s.loop.buffers.Put(b)
		if s.end() != nil {
			return nil // the end comes behind the input that is held
		}
		return ErrClosed
	}
	n := 0
	if !s.clogged {
		if n = writeNow(s.gc.Fd(), b.B); n == len(b.B) {
			s.loop.buffers.Put(b)
			return nil
		}
	}
	s.inGnet = true
	_, err := s.gc.Write(b.B[n:])
	s.inGnet = false
	s.clogged = true // as far as is known
	s.loop.buffers.Put(b)
	if err != nil && s.end() != nil {
		return nil // the end comes behind the input that is held
	}
	return err
}

// Buffered implements Transport.
func (s *socket) Buffered() int {
	if !s.clogged || s.gc == nil {
		return 0
	}
	n := s.gc.OutboundBuffered()
	s.clogged = n > 0
	return n
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
	s.over = true
	s.keep(nil)
	if s.gc == nil {
		return
	}
	s.inGnet = true
	if err := s.gc.EventLoop().Close(s.gc); err != nil {
		s.loop.r.log(slog.LevelWarn, "closing a socket failed", "err", err)
	}
	s.inGnet = false
	s.gc = nil
}

func socketPair() (ours, theirs net.Conn, err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if ours, err = fdConn(fds[0]); err != nil {
		unix.Close(fds[1])
		return nil, nil, err
	}
	if theirs, err = fdConn(fds[1]); err != nil {
		ours.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// fdConn makes a net.Conn of fd, which it takes over.
func fdConn(fd int) (net.Conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "bell")
	defer f.Close()
	return net.FileConn(f)
}

func fileLimit() int {
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) != nil || lim.Cur > 1<<30 {
		return 0
	}
	return int(lim.Cur)
}

// gnetLog hands gnet's own messages to the reactor's logger. gnet keeps one
// logger for the process; the last reactor that was started has it.
type gnetLog struct{ r *Reactor }

func (g gnetLog) Debugf(format string, args ...any) {}
func (g gnetLog) Infof(format string, args ...any)  {}
func (g gnetLog) Warnf(format string, args ...any)  { g.log(slog.LevelWarn, format, args) }
func (g gnetLog) Errorf(format string, args ...any) { g.log(slog.LevelError, format, args) }
func (g gnetLog) Fatalf(format string, args ...any) { g.log(slog.LevelError, format, args) }

func (g gnetLog) log(level slog.Level, format string, args []any) {
	g.r.log(level, fmt.Sprintf(format, args...))
}
