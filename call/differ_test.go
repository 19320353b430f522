package call

import (
	"errors"
	"github.com/packetmq/packetmq/internal/peertest"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A call that the other side lacks is ErrNotOnWire at once, and the conn goes on.
func TestACallThatTheOtherSideLacks(t *testing.T) {
	optional := Define[ask, told]("test:optional", 70, registry.Optional())
	for what, atServer := range map[string]bool{"the server has": true, "the client has": false} {
		t.Run(what+" it", func(t *testing.T) {
			leak.Check(t)
			s, c := newSide(false), newSide(true)
			has := c
			if atServer {
				has = s
			}
			has.Reg.MustAdd(optional.Packets()...)
			w := peertest.OverMemory(false)(t, s, c, func(w *world) {
				Handle(w.Server, double, doubles)
				Handle(w.Client, double, doubles)
			})
			conn := w.AtClient
			if atServer {
				conn = w.AtServer
			}
			if conn.Knows(optional.Request()) {
				t.Error("the conn knows the call")
			}
			if _, err := Do(t.Context(), conn, optional, &ask{}); !errors.Is(err, peer.ErrNotOnWire) {
				t.Errorf("Do: %v", err)
			}
			if o := wait(t, "error", goes(conn, optional, &ask{})); !errors.Is(o.err, peer.ErrNotOnWire) {
				t.Errorf("Go: %v", o.err)
			}
			if s := StatsOf(conn.Peer()); s.Waiting != 0 || s.Made != 0 {
				t.Errorf("counted %+v", s)
			}
			if a, err := Do(t.Context(), conn, double, &ask{N: 2}); err != nil || a.N != 4 {
				t.Errorf("the next call: %+v, %v", a, err)
			}
		})
	}
}

// Sides whose bodies differ are told so, and call each other all the same.
func TestBodiesThatDiffer(t *testing.T) {
	type longer struct {
		N    int
		Text string
		More int
	}
	leak.Check(t)
	newer := Define[longer, told]("test:growing", 72)
	older := Define[ask, told]("test:growing", 72)
	s, c := newSide(false), newSide(true)
	s.Reg.MustAdd(newer.Packets()...)
	c.Reg.MustAdd(older.Packets()...)
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		Handle(w.Server, newer, func(_ *Context, q *longer) (*told, error) { return &told{N: q.N + q.More}, nil })
	})
	if remote := w.AtServer.Remote(); !remote.Differs(newer.Request()) || remote.Differs(newer.Answer()) {
		t.Error("it is not told that the request differs, and nothing else")
	}
	if a, err := Do(t.Context(), w.AtClient, older, &ask{N: 5}); err != nil || a.N != 5 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// Calls need none of the extensions of this implementation.
func TestCallsWithoutExtensions(t *testing.T) {
	s, c := newSide(false), newSide(true)
	s.Cfg.NoExtensions = true
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		Handle(w.Server, double, doubles)
		Handle(w.Client, double, doubles)
	})
	for _, conn := range []*peer.Conn{w.AtClient, w.AtServer} {
		if a, err := Do(t.Context(), conn, double, &ask{N: 3}); err != nil || a.N != 6 {
			t.Errorf("got %+v, %v", a, err)
		}
	}
}
