//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// The driver of a loop: one gnet client engine, whose events are brought onto the loop.

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// poller drives one loop with one gnet client engine of one event loop. gnet's client
// engines need no listener and take conns in while they run. With one engine for each
// loop, it is ours to choose the loop of a conn.
//
// gnet's own task queue is not used: past about a thousand tasks it is not first-in
// first-out, a task that posts itself again starves the sockets, and every task costs one
// to three allocations. The loop has its own inbox. To wake it, we write to a socket pair
// whose other end is enrolled like any conn.
type poller struct {
	gnet.BuiltinEventEngine
	loop      *Loop
	client    *gnet.Client
	waker     net.Conn // our end of the wake-up socket pair
	callbacks callbacks
	event     event
	wait      runtimeWait
}

// callbacks has a poller's events handled. It is a callbackCoroutine, or a handover.
type callbacks interface {
	// run returns when the event was handled, or its handling ended otherwise.
	run()
	// end ends what run needs.
	end()
}

// event is what poller.handle is to handle. It is on the poller, not a parameter, because
// handle runs on another goroutine; handleEvent sets it and clears it.
type event struct {
	kind      eventKind
	s         *socket    // nil for wakeUpCame and halting
	input     []byte     // of inputCame; it lies in the loop's read buffer
	gc        gnet.Conn  // of connOpened and connClosed
	err       error      // of connClosed: why
	enrolment *enrolment // of connOpened
}

// enrolment is the context of a conn of gnet's until that is open.
type enrolment struct {
	s     *socket
	taken bool // the loop has taken the socket in; set before EnrollContext returns
}

type eventKind uint8

const (
	wakeUpCame eventKind = iota
	inputCame
	connOpened
	connClosed
	halting // the loop is about to stand still, and batched output leaves before
)

// wakeUpSocket is the context of the enrolled end of the socket pair.
type wakeUpSocket struct{}

func startDriver(l *Loop) (driver, error) {
	p := &poller{loop: l}
	p.wait.turn = func() { p.handleEvent(event{kind: wakeUpCame}) }
	if l.r.cfg.OnCaller {
		l.handover = newHandover(l, p.handle)
	}
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
	p.waker = ours
	l.inbox.setWake(p.wake)
	if _, err := client.EnrollContext(theirs, wakeUpSocket{}); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

var oneByte = []byte{1}

// wake has the loop take a turn.
func (p *poller) wake() {
	if !p.wait.poke() {
		p.wakeBySocket()
	}
}

// wakeBySocket never blocks for long: a socket pair that is full has wake-ups to come.
func (p *poller) wakeBySocket() { p.waker.Write(oneByte) }

func (p *poller) stop() {
	if p.loop.handover != nil { // gnet's goroutine may be waiting there
		p.loop.handover.end()
	}
	p.wait.ask(p.wakeBySocket)
	p.client.Stop()
	p.wait.close()
	if p.callbacks != nil && p.loop.handover == nil {
		p.callbacks.end()
	}
	p.waker.Close()
	p.loop.writable.close()
}

func (p *poller) enrol(nc net.Conn, c *Conn) error {
	if c.local.Network() == "unix" {
		c.local = ownUnixAddr(c.local) // gnet writes a name of its own into it
	}
	noZones(nc, c)
	e := &enrolment{s: (*socket)(c)}
	c.tr = e.s
	if p.loop.r.waitsInRuntime.Load() {
		p.wait.ask(p.wakeBySocket)
		defer p.wait.answered()
	}
	if _, err := p.client.EnrollContext(nc, e); err != nil {
		return err
	}
	if !e.taken {
		return errors.New("engine: the poller did not take the socket")
	}
	return nil
}

// noZones gives c addresses of its own and takes the zones out of those of the
// socket nc: gnet puts their bytes into its buffer pool when the conn ends.
func noZones(nc net.Conn, c *Conn) {
	for _, a := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
		t, ok := a.(*net.TCPAddr)
		if !ok || t.Zone == "" {
			continue
		}
		own := *t
		t.Zone = ""
		for _, kept := range []*net.Addr{&c.local, &c.remote} {
			if *kept == a {
				*kept = &own
			}
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
	e, ok := gc.Context().(*enrolment)
	if !ok {
		p.loop.flooding.set, p.loop.flooding.buffer = pollSet(gc), readBuffer(gc)
		if p.loop.handover != nil {
			p.callbacks = p.loop.handover
		} else {
			p.callbacks = newCallbackCoroutine(p.loop, p.handle)
		}
		return nil, gnet.None
	}
	gc.SetContext(e.s)
	p.handleEvent(event{kind: connOpened, s: e.s, gc: gc, enrolment: e})
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (p *poller) OnTraffic(gc gnet.Conn) gnet.Action {
	// All input is taken every time: gnet would keep the rest in a buffer that grows
	// without bound, and would copy it.
	b, _ := gc.Next(-1)
	if s, ok := gc.Context().(*socket); ok {
		p.handleEvent(event{kind: inputCame, s: s, input: b})
	} else {
		p.handleEvent(event{kind: wakeUpCame})
	}
	if p.loop.r.waitsInRuntime.Load() && p.loop.handover == nil {
		p.wait.rest(p.loop.flooding.set, &p.loop.inbox)
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (p *poller) OnClose(gc gnet.Conn, err error) gnet.Action {
	s, ok := gc.Context().(*socket)
	if !ok || s.gc == nil {
		return gnet.None
	}
	p.loop.sockets--
	if s.flags.has(inGnet) { // from within a callback of ours
		if s.flags.has(endTold) { // by Close
			s.gc = nil
		} else { // a write that failed
			s.lost(gc, err)
		}
		return gnet.None
	}
	p.handleEvent(event{kind: connClosed, s: s, gc: gc, err: err})
	return gnet.None
}

// handleEvent has e handled. When the loop is about to stand still, batched output leaves
// before, in a call of its own, so that a Goexit in a Wrapper's Write does not lose e.
func (p *poller) handleEvent(e event) {
	if p.loop.handover == nil && p.loop.r.halted() && len(p.loop.dirty) > 0 {
		p.event = event{kind: halting}
		p.callbacks.run()
	}
	p.event = e
	p.callbacks.run()
	p.event = event{}
}

// handle handles the event. After a runtime.Goexit in it, its caller calls Loop.exit.
func (p *poller) handle() {
	l, e := p.loop, &p.event
	if e.kind == halting {
		l.begin()
		l.dirty.flush()
		l.finish()
		l.exit()
		return
	}
	l.enter()
	switch e.kind {
	case wakeUpCame:
		l.flooding.roundEnded()
		l.wokenUp()
	case inputCame:
		e.s.take(e.input)
		if l.batching.noteRead() && !l.events.any() && !l.inbox.news.Load() && !l.r.halted() {
			l.finish()
			l.exit()
			return
		}
	case connOpened:
		e.s.gc, e.enrolment.taken = e.gc, true
		l.sockets++
		e.s.conn().start()
	case connClosed:
		e.s.lost(e.gc, e.err)
	}
	l.done()
	l.exit()
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
	f := os.NewFile(uintptr(fd), "wake-up")
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
	g.r.log(level, "the poller reports", "text", fmt.Sprintf(format, args...))
}
