package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
)

// hanging is a net.Conn that does not let go of who calls some of its methods.
type hanging struct {
	net.Conn
	in   map[string]bool
	hung chan struct{} // holds one when such a call has come
	end  <-chan struct{}
}

func (h *hanging) hang(method string) {
	if h.in[method] {
		select {
		case h.hung <- struct{}{}:
		default:
		}
		<-h.end
	}
}

func (h *hanging) Close() error {
	h.hang("Close")
	return h.Conn.Close()
}

func (h *hanging) Read(b []byte) (int, error) {
	h.hang("Read")
	return h.Conn.Read(b)
}

func (h *hanging) Write(b []byte) (int, error) {
	h.hang("Write")
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
			h := &hanging{near, map[string]bool{method: true}, make(chan struct{}, 1), end}
			if err := r.Inject(h, new(Conn), talkative{}); err != nil {
				t.Fatal(err)
			}
			r.loops[0].Call(t.Context(), func() {})
			if method != "Close" {
				await.Value(t, method, h.hung)
			}
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
