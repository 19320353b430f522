package wspeer

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Gobwas is gobwas/ws on epoll, as its users do it: one goroutine waits for all conns, and
// reads a message of each that is ready.
func Gobwas(ctx context.Context, addr, mode string, out io.Writer) error {
	e, err := echo.New(mode)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		ln.Close()
		return err
	}
	s := &gobwasServer{echo: e, set: set, conns: make(map[int32]net.Conn)}
	defer s.close()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	waited := make(chan struct{})
	go func() { defer close(waited); s.wait(ctx) }()
	fmt.Fprintln(out, "listening", ln.Addr())
	for {
		c, err := ln.Accept()
		if err != nil {
			<-waited
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if _, err := ws.Upgrade(c); err != nil {
			c.Close()
			continue
		}
		s.add(c)
	}
}

type gobwasServer struct {
	echo  *echo.Echo // of the goroutine that waits
	reply []byte
	set   int

	mu    sync.Mutex
	conns map[int32]net.Conn // guarded by mu
}

func (s *gobwasServer) add(c net.Conn) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		c.Close()
		return
	}
	raw.Control(func(fd uintptr) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns[int32(fd)] = c
		unix.EpollCtl(s.set, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
}

func (s *gobwasServer) wait(ctx context.Context) {
	events := make([]unix.EpollEvent, 128)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(s.set, events, 100)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			s.mu.Lock()
			c := s.conns[e.Fd]
			s.mu.Unlock()
			if c != nil && s.answer(c) != nil {
				s.mu.Lock()
				delete(s.conns, e.Fd)
				s.mu.Unlock()
				c.Close()
			}
		}
	}
}

func (s *gobwasServer) answer(c net.Conn) error {
	message, _, err := wsutil.ReadClientData(c)
	if err != nil {
		return err
	}
	if s.reply, err = answer(s.echo, s.reply[:0], message); err != nil {
		return err
	}
	return wsutil.WriteServerBinary(c, s.reply)
}

func (s *gobwasServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	unix.Close(s.set)
}
