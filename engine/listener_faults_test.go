package engine

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// oddListener is a listener of a program's that does what it is told to.
type oddListener struct {
	net.Listener
	accept func() (net.Conn, error) // in place of Accept, unless it returns neither
	end    func()                   // before Close
}

func (l *oddListener) Accept() (net.Conn, error) {
	if l.accept == nil {
		return l.Listener.Accept()
	}
	return l.accept()
}

func (l *oddListener) Close() error {
	if l.end != nil {
		l.end()
	}
	return l.Listener.Close()
}

func (l *oddListener) Addr() net.Addr { return nil }

func oddAt(t *testing.T) *oddListener {
	t.Helper()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &oddListener{Listener: own}
}

// Whatever Accept of a program's listener does, it serves those that come afterwards,
// and the listener closes.
func TestServeAtListenersThatFail(t *testing.T) {
	for name, fail := range map[string]func() (net.Conn, error){
		"an error":      func() (net.Conn, error) { return nil, errors.New("not now") },
		"neither":       func() (net.Conn, error) { return nil, nil },
		"a nil pointer": func() (net.Conn, error) { return (*net.TCPConn)(nil), nil },
		"a panic":       func() (net.Conn, error) { panic("odd") },
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			r := start(t, nil)
			own, failures := oddAt(t), 0
			own.accept = func() (net.Conn, error) {
				if failures++; failures < 3 {
					return fail()
				}
				return own.Listener.Accept()
			}
			ln, err := r.Serve(own, func(net.Conn) (*Conn, Handler) { return new(Conn), &hooks{received: echo} })
			if err != nil {
				t.Fatal(err)
			}
			nc, err := net.Dial("tcp", own.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(patience))
			exchange(t, nc, "hello")
			if err := ln.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestGoexitInAccept(t *testing.T) {
	r := start(t, nil)
	own := oddAt(t)
	own.accept = func() (net.Conn, error) { runtime.Goexit(); return nil, nil }
	ln, err := r.Serve(own, func(net.Conn) (*Conn, Handler) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "the listener's end", ln.Done())
	if err := ln.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A listener of the program's that does not close, or whose Accept does not return
// then, holds up nobody for longer than the context allows, and is named.
func TestShutdownDoesNotWaitForListenersThatHang(t *testing.T) {
	for _, method := range []string{"Close", "Accept"} {
		t.Run(method, func(t *testing.T) {
			leak.Check(t)
			r := New(nil)
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			own, end, accepting := oddAt(t), make(chan struct{}), make(chan struct{})
			if method == "Close" {
				own.end = func() { <-end }
			} else {
				own.accept = func() (net.Conn, error) { close(accepting); <-end; return nil, net.ErrClosed }
			}
			if _, err := r.Serve(own, func(net.Conn) (*Conn, Handler) { return nil, nil }); err != nil {
				t.Fatal(err)
			}
			if method == "Accept" {
				wait(t, "Accept", accepting)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := r.Shutdown(ctx)
			var left *UnfinishedError
			if !errors.As(err, &left) || len(left.Names) != 1 || !strings.Contains(err.Error(), "*engine.oddListener") {
				t.Errorf("Shutdown returned %v", err)
			}
			if err := r.Close(); !errors.As(err, &left) || len(left.Names) != 1 {
				t.Errorf("Close returned %v", err)
			}
			close(end)
			wait(t, "the end", r.Done())
		})
	}
}

// A listener that is not taken is closed, whatever the reason.
func TestServeRefusedClosesTheListener(t *testing.T) {
	r := start(t, nil)
	for name, serve := range map[string]func(ln net.Listener) error{
		"no acceptor": func(ln net.Listener) error { _, err := r.Serve(ln, nil); return err },
		"no function": func(ln net.Listener) error { _, err := r.ServeFunc(ln, nil); return err },
	} {
		own := oddAt(t)
		if err := serve(own); !errors.Is(err, ErrNil) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := own.Listener.Accept(); err == nil {
			t.Errorf("%s: the listener is open", name)
		}
	}
}
