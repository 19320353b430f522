package engine

import (
	"context"
	"errors"
	"math"
	"net"
	"testing"
	"time"
)

// What a call needs and is not given is an error that says what, and nothing has
// happened.
func TestNilIsAnError(t *testing.T) {
	r := New(nil)
	t.Cleanup(func() { r.Close() })
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	l, ctx := r.loops[0], t.Context()
	h := &mute{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	near, far := net.Pipe()
	defer far.Close()
	var none context.Context
	work := func() (int, error) { return 0, nil }
	for name, call := range map[string]func() error{
		"Post":                  func() error { return r.Post(nil) },
		"Loop.Post":             func() error { return l.Post(nil) },
		"Call":                  func() error { return l.Call(ctx, nil) },
		"Call, no context":      func() error { return l.Call(none, func() {}) },
		"Poll, no context":      func() error { _, err := r.Poll(none); return err },
		"WaitDue, no context":   func() error { return r.WaitDue(none) },
		"Shutdown, no context":  func() error { return r.Shutdown(none) },
		"QueueWait, no context": func() error { return (&Conn{loop: l}).QueueWait(none, nil) },
		"Offload, no loop":      func() error { return Offload(nil, work, func(int, error) {}) },
		"Offload, no work":      func() error { return Offload[int](l, nil, func(int, error) {}) },
		"Offload, no done":      func() error { return Offload(l, work, nil) },
		"Attach, no transport":  func() error { return r.Attach(nil, new(Conn), h, nil) },
		"Attach, nil transport": func() error { return r.Attach((*stream)(nil), new(Conn), h, nil) },
		"Attach, no conn":       func() error { return r.Attach(newStream(r, near), nil, h, nil) },
		"Inject, no net.Conn":   func() error { return r.Inject(nil, new(Conn), h) },
		"Inject, nil net.Conn":  func() error { return r.Inject((*net.TCPConn)(nil), new(Conn), h) },
		"Inject, no handler":    func() error { n, _ := net.Pipe(); return r.Inject(n, new(Conn), nil) },
		"Enrol, no net.Conn":    func() error { return r.Enrol(nil, new(Conn), h) },
		"Enrol, no conn":        func() error { n, _ := net.Pipe(); return r.Enrol(n, nil, h) },
		"Dial, no conn":         func() error { return r.Dial(ctx, "tcp", addr, nil, h) },
		"Dial, no handler":      func() error { return r.Dial(ctx, "tcp", addr, new(Conn), nil) },
		"DialFunc, no function": func() error { return r.DialFunc(ctx, "tcp", addr, nil) },
		"DialFunc, no context": func() error {
			return r.DialFunc(none, "tcp", addr, func(context.Context, net.Conn) error { return nil })
		},
		"Listen, no acceptor":    func() error { _, err := r.Listen("tcp", "127.0.0.1:0", nil); return err },
		"ListenFunc, no func":    func() error { _, err := r.ListenFunc("tcp", "127.0.0.1:0", nil); return err },
		"Serve, no listener":     func() error { _, err := r.Serve(nil, func(net.Conn) (*Conn, Handler) { return nil, nil }); return err },
		"Serve, no acceptor":     func() error { _, err := r.Serve(ln, nil); return err },
		"ServeFunc, no listener": func() error { _, err := r.ServeFunc(nil, func(net.Conn) {}); return err },
		"ServeFunc, no function": func() error { _, err := r.ServeFunc(ln, nil); return err },
		"After":                  func() error { return panicOf(func() { r.After(0, nil) }) },
		"Every":                  func() error { return panicOf(func() { r.Every(0, nil) }) },
	} {
		if err := call(); !errors.Is(err, ErrNil) {
			t.Errorf("%s: %v, want ErrNil", name, err)
		}
	}
	if n := r.Conns(); n != 0 {
		t.Errorf("%d conns", n)
	}
}

// panicOf calls f and returns the error that it panics with.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

// mute is a handler that does nothing.
type mute struct{ Handler }

// Any number in a Config means something: what is nothing or less the default, and
// what is too much the most there can be.
func TestOddNumbersInAConfig(t *testing.T) {
	for name, n := range map[string]int{"zero": 0, "negative": -1, "least": math.MinInt, "huge": math.MaxInt, "one": 1} {
		d := time.Duration(n)
		r := New(&Config{
			Loops: n, ReadBuffer: n, SoftPending: n, SoftTime: d, MaxPending: n, MaxTotalPending: n,
			MaxConns: n, Drain: d, Workers: n, StuckAfter: d,
		})
		if len(r.loops) < 1 || len(r.loops) > maxLoops {
			t.Errorf("%s: %d loops", name, len(r.loops))
		}
		if n > maxLoops { // what they would start is not for a test
			r.Close()
			continue
		}
		if err := r.RunAsync(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ran := make(chan struct{})
		r.After(d/4, func() {})
		r.Every(d, func() {}).Stop()
		r.After(-1, func() { close(ran) })
		<-ran
		if err := r.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}
