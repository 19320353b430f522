package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// A packet that is added while conns are open is not sent to other sides that
// were never told of it: Add says so, and, where it is added all the same, Send.
func TestAddOnAConnectedProgram(t *testing.T) {
	withoutUpdates := func(_, c *side) { c.cfg.NoExtensions = true }
	everywhere(t, withoutUpdates, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		var inUse *registry.InUseError
		for _, reg := range []*registry.Registry{w.s.reg, w.c.reg} {
			if _, err := reg.AddObject("test:late", 50, nil); !errors.As(err, &inUse) || inUse.Conns != 1 {
				t.Errorf("Add = %v", err)
			}
			if _, err := reg.AddObject("test:late", 50, nil, registry.Late()); err != nil {
				t.Errorf("Add with Late = %v", err)
			}
		}
		for _, c := range []*Conn{sc, cc} {
			if err := c.Untyped().Send("test:late", 1); !errors.Is(err, ErrNotOnWire) {
				t.Errorf("send on a conn from before = %v", err)
			}
			if err := c.Peer().Untyped().Broadcast("test:late", 1); !errors.Is(err, ErrNotOnWire) {
				t.Errorf("broadcast with a conn from before = %v", err)
			}
		}
		got := make(chan any, 1)
		w.server.Untyped().Handle("test:late", func(_ *Conn, v any) error { got <- v; return nil })
		_, later := w.handshake(t)
		if err := later.Untyped().Send("test:late", "to one who knows"); err != nil {
			t.Fatal(err)
		}
		if v := wait(t, "packet", got); v != "to one who knows" {
			t.Errorf("got %v", v)
		}
		cc.Softquit("")
		later.Softquit("")
		for _, reg := range []*registry.Registry{w.s.reg, w.c.reg} {
			eventually(t, "end of both conns", func() bool {
				_, err := reg.AddObject("test:free", 51, nil)
				return err == nil
			})
		}
	})
}

// Conns whose handshake fails, or that skip it, keep nothing out.
func TestFailedConnsLeaveTheRegistry(t *testing.T) {
	setUp := func(s, c *side) { c.reg.AddObject("test:more", 50, nil) }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		if _, err := w.connect(t.Context()); err == nil {
			t.Fatal("sides with other packets are connected")
		}
		for _, reg := range []*registry.Registry{w.s.reg, w.c.reg} {
			eventually(t, "end of the conn", func() bool {
				_, err := reg.AddObject("test:late", 51, nil)
				return err == nil
			})
		}
	})
}

// Conns that were told the same have one table between them, also when the
// registry has changed since.
func TestConnsShareTheirTable(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		s1, c1 := w.handshake(t)
		s2, c2 := w.handshake(t)
		for range 2 {
			eventually(t, "one table for both conns", func() bool { // an update may have come to one of them only
				return s1.table() == s2.table() && c1.table() == c2.table()
			})
			w.s.reg.Remove("test:pong")
			w.c.reg.Remove("test:pong")
		}
	})
}

// A packet may get the index of one that was removed, but not its handler.
func TestHandlersOfRemovedPackets(t *testing.T) {
	s := newSide(false, 17, 18)
	old, err := s.reg.AddObject("test:old", 19, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(s.reg, &s.cfg)
	server.Untyped().Handle(old, func(*Conn, any) error { t.Error("the removed packet's handler was called"); return nil })
	if err := s.reg.Remove(old); err != nil {
		t.Fatal(err)
	}
	added, err := s.reg.AddObject("test:new", 20, nil)
	if err != nil {
		t.Fatal(err)
	}
	if added.Index() != old.Index() {
		t.Fatalf("index %d, want %d again", added.Index(), old.Index())
	}
	if server.handler(added) != nil || server.handler(old) == nil {
		t.Error("the new packet has the old one's handler")
	}
}

// A definition that is added again is a new packet, with no handler until one is set.
func TestHandlersGoWithTheirPacket(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	defer server.Close()
	set := func() { Handle(server, s.ping, func(*Conn, *note) error { return nil }) }
	set()
	if err := s.reg.Remove(s.ping); err != nil {
		t.Fatal(err)
	}
	s.reg.MustAdd(s.ping)
	if server.handler(s.ping.In(s.reg)) != nil {
		t.Error("the packet that was added again has the removed one's handler")
	}
	set()
	if server.handler(s.ping.In(s.reg)) == nil {
		t.Error("the packet that was added again has no handler after Handle")
	}
}

// Handlers that come and go take no more room than packets do.
func TestHandlerChurn(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	for range 1000 {
		typ, err := s.reg.AddObject("test:churn", 19, nil)
		if err != nil {
			t.Fatal(err)
		}
		server.Untyped().Handle(typ, func(*Conn, any) error { return nil })
		if err := s.reg.Remove(typ); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*server.handlers.Load()); n > 16 {
		t.Errorf("%d handlers are kept", n)
	}
}

func TestRegistryChangesDoNotReachOpenConns(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		s := w.s.reg
		if _, err := s.AddObject("test:late", 30, nil, registry.Late()); err != nil {
			t.Fatal(err)
		}
		if err := sc.Untyped().Send("test:late", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet that the other side was not told: %v", err)
		}
		if err := s.Remove("test:pong"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddObject("test:other", 18, nil, registry.Late()); err != nil {
			t.Fatal(err)
		}
		if err := sc.Untyped().Send("test:other", 1); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("send of a packet under the id of another: %v", err)
		}
	})
}
