// Package netpollpeer is the server on netpoll: one poller, whose conns are
// served by goroutines of its pool, with frames taken from and put into its
// buffers without a copy of their own, and one Flush for all that was read.
package netpollpeer

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/cloudwego/netpoll"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Serve has one poller.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if _, err := echo.New(mode); err != nil {
		return err
	}
	if err := netpoll.Configure(netpoll.Config{PollerNum: 1, LoggerOutput: io.Discard}); err != nil {
		return err
	}
	ln, err := netpoll.CreateListener("tcp", addr)
	if err != nil {
		return err
	}
	s := &server{pool: sync.Pool{New: func() any {
		e, _ := echo.New(mode) // which was tried above
		return &worker{e}
	}}}
	loop, err := netpoll.NewEventLoop(s.answer)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		stopped, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancel() // there is nothing to wait for
		_ = loop.Shutdown(stopped)
	})
	defer stop()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := loop.Serve(ln); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// server lends a worker to whatever goroutine serves a conn just now.
type server struct{ pool sync.Pool }

type worker struct{ *echo.Echo }

// answer is called when something has arrived, and again while something is
// left. What is missing of a frame it waits for, with the answers on their way.
func (s *server) answer(_ context.Context, c netpoll.Connection) error {
	w := s.pool.Get().(*worker)
	defer s.pool.Put(w)
	err := w.answer(c.Reader(), c.Writer())
	if err != nil {
		_ = c.Close()
	}
	return err
}

func (w *worker) answer(r netpoll.Reader, out netpoll.Writer) error {
	for r.Len() > 0 {
		if r.Len() < echo.Header {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		head, err := r.Peek(echo.Header)
		if err != nil {
			return err
		}
		n, _, err := echo.Length(head)
		if err != nil {
			return err
		}
		if r.Len() < n {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		frame, err := r.Next(n)
		if err != nil {
			return err
		}
		room, err := out.Malloc(n)
		if err != nil {
			return err
		}
		reply, err := w.Append(room[:0], frame)
		if err != nil {
			return err
		}
		if len(reply) != n { // it would not be where it must be
			return fmt.Errorf("a reply of %d bytes to %d", len(reply), n)
		}
	}
	if err := r.Release(); err != nil {
		return err
	}
	return out.Flush()
}
