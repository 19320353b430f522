package call

// Calls where a side reads nothing, or there is no room.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// end slow ones.
func TestACancellationWithoutRoomLeavesTheConn(t *testing.T) {
	blob := registry.Define[[]byte]("test:blob", 60)
	s, c := newSide(false), newSide(true)
	for _, side := range []*side{s, c} {
		side.reg.MustAdd(blob)
	}
	w := overSocket(func(*testing.T) string { return "127.0.0.1:0" })(t, s, c, func(w *world) {
		HandleLater(w.client, double, func(*Context, *ask, Answer[told]) {})
		peer.Handle(w.client, blob, func(*peer.Conn, *[]byte) error { return nil })
	})
	w.atClient.PauseRead()
	ended := make(chan error, 1)
	p := Go(w.atServer, double, &ask{}, time.Hour, func(_ *told, err error) { ended <- err })
	w.atServer.SetOverflow(registry.Refuse)
	eventually(t, "the conn is full", func() bool {
		for size := 1 << 19; size > 0; size /= 2 {
			b := make([]byte, size)
			for peer.Send(w.atServer, blob, &b) == nil {
			}
		}
		return w.atServer.Pending() > w.server.Reactor().MaxPending()-12
	})
	w.atServer.SetOverflow(registry.CloseSlow)
	if !p.Cancel() {
		t.Error("there was nothing to cancel")
	}
	if err := wait(t, "end", ended); err != context.Canceled {
		t.Errorf("ended with %v", err)
	}
	if w.atServer.State() != peer.Active {
		t.Errorf("the conn is %v", w.atServer.State())
	}
	w.atClient.ResumeRead()
}

// While a side reads nothing, its calls end in time, and those that come are handled later.
func TestCallsToAPausedSide(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.server, double, doubles)
		Handle(w.client, back, doubles)
	}, func(t *testing.T, w *world) {
		w.atServer.PauseRead()
		ended := make(chan error, 1)
		Go(w.atServer, back, &ask{}, 20*time.Millisecond, func(_ *told, err error) { ended <- err })
		if err := wait(t, "end", ended); err != ErrTimeout {
			t.Errorf("a call of the paused side: %v", err)
		}
		came := goes(w.atClient, double, &ask{N: 2})
		w.atServer.ResumeRead()
		if o := wait(t, "end", came); o.err != nil || o.a.N != 4 {
			t.Errorf("a call to the paused side: %+v", o)
		}
	})
}

// A call whose request or answer a policy drops ends in time, and leaves the conn.
func TestCallsThatAnOverflowDrops(t *testing.T) {
	for name, policy := range map[string]registry.Overflow{"oldest": registry.DropOldest, "newest": registry.DropNewest, "refuse": registry.Refuse} {
		t.Run(name, func(t *testing.T) {
			blob := registry.Define[[]byte]("test:blob", 60)
			s, c := newSide(false), newSide(true)
			for _, side := range []*side{s, c} {
				side.reg.MustAdd(blob)
				side.cfg.Overflow = policy
			}
			w := overSocket(func(*testing.T) string { return "127.0.0.1:0" })(t, s, c, func(w *world) {
				HandleLater(w.server, double, func(_ *Context, q *ask, a Answer[told]) { a.Send(&told{N: q.N}) })
				Handle(w.server, other, doubles)
				Handle(w.client, back, doubles)
				peer.Handle(w.client, blob, func(*peer.Conn, *[]byte) error { return nil })
			})
			w.atClient.PauseRead()
			b := make([]byte, 1<<19)
			for range 64 {
				peer.Send(w.atServer, blob, &b)
			}
			ended := make(chan error, 3)
			end := func(_ *told, err error) { ended <- err }
			Go(w.atClient, double, &ask{}, 50*time.Millisecond, end)
			Go(w.atClient, other, &ask{}, 50*time.Millisecond, end)
			Go(w.atServer, back, &ask{}, 50*time.Millisecond, end)
			for range 3 {
				if err := wait(t, "end", ended); !errors.Is(err, ErrTimeout) && !errors.Is(err, peer.ErrBackpressure) {
					t.Errorf("ended with %v", err)
				}
			}
			w.atClient.ResumeRead()
			eventually(t, "the conn goes on", func() bool {
				_, err := Do(t.Context(), w.atClient, other, &ask{})
				return err == nil
			})
			if s := StatsOf(w.server); s.Open != 0 || s.Waiting != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}
