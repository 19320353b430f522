// Package gnetpeer is the server on gnet, in two ways: as gnet's examples have
// it, with one Write per frame, and with one Write for all that was read.
package gnetpeer

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/panjf2000/gnet/v2"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Naive answers each frame with a Write of its own; the rest is as gnet has it
// by default.
func Naive(ctx context.Context, addr, mode string, out io.Writer) error {
	return serve(ctx, addr, mode, out, (*loop).one, gnet.WithNumEventLoop(1))
}

// Coalesced answers all that has arrived with one Write, and reads up to
// 256 KiB at once.
func Coalesced(ctx context.Context, addr, mode string, out io.Writer) error {
	return Several(1)(ctx, addr, mode, out)
}

// Several is Coalesced with so many event loops.
func Several(loops int) func(ctx context.Context, addr, mode string, out io.Writer) error {
	return func(ctx context.Context, addr, mode string, out io.Writer) error {
		return serve(ctx, addr, mode, out, (*loop).all, gnet.WithNumEventLoop(loops), gnet.WithReadBufferCap(256<<10))
	}
}

type server struct {
	gnet.BuiltinEventEngine
	ctx     context.Context
	out     io.Writer
	mode    string
	traffic func(*loop, gnet.Conn) error
	mu      sync.Mutex
	loops   map[gnet.EventLoop]*loop
	err     error
}

// loop is what the conns of one event loop share.
type loop struct {
	echo *echo.Echo
	buf  []byte
}

func serve(ctx context.Context, addr, mode string, out io.Writer, traffic func(*loop, gnet.Conn) error, opts ...gnet.Option) error {
	if _, err := echo.New(mode); err != nil {
		return err
	}
	s := &server{ctx: ctx, out: out, mode: mode, traffic: traffic, loops: make(map[gnet.EventLoop]*loop)}
	opts = append(opts, gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogger(silent{}))
	if err := gnet.Run(s, "tcp://"+addr, opts...); err != nil {
		return err
	}
	return s.err
}

func (s *server) OnBoot(eng gnet.Engine) gnet.Action {
	context.AfterFunc(s.ctx, func() { _ = eng.Stop(context.WithoutCancel(s.ctx)) })
	addr, err := address(eng)
	if s.err = err; err != nil {
		return gnet.Shutdown
	}
	fmt.Fprintln(s.out, "listening", addr)
	return gnet.None
}

// address asks for the port that gnet was given, which it does not tell.
func address(eng gnet.Engine) (net.Addr, error) {
	fd, err := eng.Dup()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	return ln.Addr(), nil
}

func (s *server) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	l, err := s.loop(c.EventLoop())
	if err != nil {
		return nil, gnet.Close
	}
	c.SetContext(l)
	return nil, gnet.None
}

func (s *server) loop(of gnet.EventLoop) (l *loop, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l = s.loops[of]; l == nil {
		l = new(loop)
		if l.echo, err = echo.New(s.mode); err != nil {
			return nil, err
		}
		s.loops[of] = l
	}
	return l, nil
}

func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	if err := s.traffic(c.Context().(*loop), c); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func (l *loop) one(c gnet.Conn) error {
	for c.InboundBuffered() >= echo.Header {
		head, err := c.Peek(echo.Header)
		if err != nil {
			return err
		}
		n, _, err := echo.Length(head)
		if err != nil {
			return err
		}
		if c.InboundBuffered() < n {
			return nil
		}
		frame, err := c.Peek(n)
		if err != nil {
			return err
		}
		if l.buf, err = l.echo.Append(l.buf[:0], frame); err != nil {
			return err
		}
		if _, err = c.Write(l.buf); err != nil {
			return err
		}
		if _, err = c.Discard(n); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) all(c gnet.Conn) error {
	in, err := c.Peek(-1)
	if err != nil {
		return err
	}
	var used int
	if l.buf, used, err = l.echo.AppendAll(l.buf[:0], in); err != nil || used == 0 {
		return err
	}
	if _, err = c.Write(l.buf); err != nil {
		return err
	}
	_, err = c.Discard(used)
	return err
}

// silent is a logger for gnet, whose own tells of each start whatever its level.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
