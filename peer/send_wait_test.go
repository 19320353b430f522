package peer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// A loop of sends that wait outlasts what would end the conn, or be refused, and all
// arrives in order; a client's send without room is refused, and its conn goes on.
func TestSendWaitOutlastsItsReader(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Engine = &engine.Config{SoftPending: 64 << 10, MaxPending: 256 << 10}
	w := dialWire(t, s)
	w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
	c := s.next(t, "made").conn
	const packets = 10_000
	done := make(chan error, 1)
	go func() {
		for n := range packets {
			if err := SendWait(context.Background(), c, s.pong, &note{N: n, Text: string(make([]byte, 1000))}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for n := range packets {
		f := w.expect(18)
		var v note
		if err := c.peer.codec.Decode(f.Payload(), &v); err != nil || v.N != n {
			t.Fatalf("packet %d came where %d was to come: %v", v.N, n, err)
		}
	}
	if err := wait(t, "the sender", done); err != nil {
		t.Error(err)
	}
}

// SendWait heeds its context, a softquit, and the loop that it may not hold up.
func TestSendWaitHeeds(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Engine = &engine.Config{SoftPending: 64 << 10}
	c, _ := clogged(t, "injected", s) // there is no kernel that takes more after a while
	for c.Pending() <= 64<<10 {
		onLoop(t, c, func() { c.SendRaw(s.pong.In(s.reg), make([]byte, 1<<19)) })
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.Untyped().SendWait(ctx, "test:pong", &note{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a context that ends: %v", err)
	}
	onLoop(t, c, func() {
		if err := c.Untyped().SendWait(context.Background(), "test:pong", &note{}); !errors.Is(err, engine.ErrOnLoop) {
			t.Errorf("on the loop: %v", err)
		}
	})
	done := make(chan error, 1)
	go func() { done <- c.Untyped().SendWait(context.Background(), "test:pong", &note{}) }()
	c.Softquit("reason.bye")
	if err := wait(t, "the sender", done); !errors.Is(err, ErrNotActive) && !errors.Is(err, ErrClosed) {
		t.Errorf("after a softquit: %v", err)
	}
}

// By default a client is told that there is no room, and keeps its conn.
func TestClientsAreRefusedByDefault(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	far := newSide(true, 40, 41)
	far.cfg.Engine = &engine.Config{MaxPending: 64 << 10}
	client := NewMemoryClient(far.reg, &far.cfg)
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	c, err := client.Connect(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	held, free := make(chan struct{}), make(chan struct{})
	server.Reactor().Post(func() { close(held); <-free })
	wait(t, "the server's loop", held)
	defer close(free)
	for err == nil {
		err = c.Untyped().Send("test:ping", &note{Text: string(make([]byte, 1000))})
	}
	if !errors.Is(err, ErrBackpressure) || c.State() != Active {
		t.Errorf("%v, and the conn is %v", err, c.State())
	}
}
