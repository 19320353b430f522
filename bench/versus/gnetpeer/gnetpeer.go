// Package gnetpeer is the server on gnet, in two ways: as gnet's examples have
// it, with one Write per frame, and with one Write for all that was read.
package gnetpeer

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Naive answers each frame with a Write of its own; the rest is as gnet has it
// by default.
func Naive(ctx context.Context, addr, mode string, out io.Writer) error {
	return serve(ctx, addr, mode, out, (*server).one)
}

// Coalesced answers all that has arrived with one Write, and reads up to
// 256 KiB at once.
func Coalesced(ctx context.Context, addr, mode string, out io.Writer) error {
	return serve(ctx, addr, mode, out, (*server).all, gnet.WithReadBufferCap(256<<10))
}

type server struct {
	gnet.BuiltinEventEngine
	ctx     context.Context
	out     io.Writer
	echo    *echo.Echo
	traffic func(*server, gnet.Conn) error
	buf     []byte
	err     error
}

func serve(ctx context.Context, addr, mode string, out io.Writer, traffic func(*server, gnet.Conn) error, opts ...gnet.Option) error {
	e, err := echo.New(mode)
	if err != nil {
		return err
	}
	s := &server{ctx: ctx, out: out, echo: e, traffic: traffic}
	opts = append(opts, gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogger(silent{}))
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

func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	if err := s.traffic(s, c); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func (s *server) one(c gnet.Conn) error {
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
		if s.buf, err = s.echo.Append(s.buf[:0], frame); err != nil {
			return err
		}
		if _, err = c.Write(s.buf); err != nil {
			return err
		}
		if _, err = c.Discard(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) all(c gnet.Conn) error {
	in, err := c.Peek(-1)
	if err != nil {
		return err
	}
	var used int
	if s.buf, used, err = s.echo.AppendAll(s.buf[:0], in); err != nil || used == 0 {
		return err
	}
	if _, err = c.Write(s.buf); err != nil {
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
