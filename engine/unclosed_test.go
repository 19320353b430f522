package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// hanging is a net.Conn that does not let go of who calls some of its methods.
type hanging struct {
	net.Conn
	in  map[string]bool
	end <-chan struct{}
}

func (h *hanging) Close() error {
	if h.in["Close"] {
		<-h.end
	}
	return h.Conn.Close()
}

func (h *hanging) Read(b []byte) (int, error) {
	if h.in["Read"] {
		<-h.end
	}
	return h.Conn.Read(b)
}

func (h *hanging) Write(b []byte) (int, error) {
	if h.in["Write"] {
		<-h.end
	}
	return h.Conn.Write(b)
}

// talkative is a handler that says something at once, and goes when asked to.
type talkative struct{ Handler }

func (talkative) Opened(c *Conn)             { c.Out().B = append(c.Out().B, "hello"...) }
func (talkative) Received(*Conn, []byte) int { return 0 }
func (talkative) Drain(c *Conn)              { c.Abort(nil) }
func (talkative) Closed(*Conn, error)        {}

// A net.Conn of the program's that does not close holds up nobody for longer than the
// context allows, and is named.
func TestShutdownDoesNotWaitForNetConnsThatHang(t *testing.T) {
	for _, method := range []string{"Close", "Read", "Write"} {
		t.Run(method, func(t *testing.T) {
			r := New(nil)
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			end := make(chan struct{})
			near, far := net.Pipe()
			defer far.Close()
			h := &hanging{near, map[string]bool{method: true}, end}
			if err := r.Inject(h, new(Conn), talkative{}); err != nil {
				t.Fatal(err)
			}
			r.loops[0].Call(t.Context(), func() {})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := r.Shutdown(ctx)
			var left *UnfinishedError
			if !errors.As(err, &left) || len(left.Names) != 1 || !strings.Contains(err.Error(), "*engine.hanging to pipe") {
				t.Errorf("Shutdown returned %v", err)
			}
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("Shutdown took %v", d)
			}
			close(end)
			<-r.Done()
		})
	}
}

// forgetful is a Wrapper's transport that does not close what it was put around, or
// does so twice.
type forgetful struct {
	Transport
	times int
}

func (f forgetful) Close() {
	for range f.times {
		f.Transport.Close()
	}
}

// forgetting is a handler with such a transport.
type forgetting struct {
	talkative
	times int
}

func (w forgetting) Wrap(_ *Conn, inner Transport) Transport { return forgetful{inner, w.times} }

// counting counts how often it is closed.
type counting struct {
	Transport
	closed *int
}

func (c counting) Open(Sink)             {}
func (c counting) Pump() bool            { return false }
func (c counting) Write(b *Buffer) error { return ErrClosed }
func (c counting) Buffered() int         { return 0 }
func (c counting) Close()                { *c.closed++ }

func TestWhatAWrapperForgetsIsClosedOnce(t *testing.T) {
	for times := range 3 {
		v := NewVirtual(nil)
		closed, c := 0, new(Conn)
		if err := v.Reactor().Attach(counting{closed: &closed}, c, forgetting{times: times}, nil); err != nil {
			t.Fatal(err)
		}
		v.Settle(10)
		c.Abort(nil)
		v.Settle(10)
		if closed != 1 {
			t.Errorf("with a transport that closes it %d times it was closed %d times", times, closed)
		}
		v.Close()
	}
}
