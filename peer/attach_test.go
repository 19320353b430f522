package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// mute is a transport over which nothing comes.
type mute struct {
	written int
	closed  bool
}

func (s *mute) Open(engine.Sink) {}
func (s *mute) Pump() bool       { return false }
func (s *mute) Write(b *engine.Buffer) error {
	s.written += len(b.B)
	return nil
}
func (s *mute) Buffered() int     { return 0 }
func (s *mute) CloseWrite() error { return nil }
func (s *mute) Close()            { s.closed = true }

func TestAttachTakesATransportOver(t *testing.T) {
	v := engine.NewVirtual(&engine.Config{Loops: 2})
	defer v.Close()
	srv := NewServer(registry.New(), &Config{Reactor: v.Reactor()})
	tr, loop := new(mute), v.Reactor().Loops()[1]
	c, err := srv.Attach(tr, loop)
	if err != nil {
		t.Fatal(err)
	}
	v.Settle(100)
	if tr.written == 0 || c.Loop() != loop {
		t.Errorf("%d bytes of a handshake were sent, on loop %v", tr.written, c.Loop().Index())
	}
	if _, err := srv.Attach(nil, nil); err == nil {
		t.Error("no transport is taken for one")
	}
	srv.Close()
	late := new(mute)
	if _, err := srv.Attach(late, nil); !errors.Is(err, ErrClosed) || !late.closed {
		t.Errorf("after Close: %v, and the transport is closed: %v", err, late.closed)
	}
}
