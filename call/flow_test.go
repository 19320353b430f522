package call

// Calls where a side reads nothing, or there is no room.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// end slow ones.
func TestACancellationWithoutRoomLeavesTheConn(t *testing.T) {
	blob := registry.Define[[]byte]("test:blob", 60)
	s, c := newSide(false), newSide(true)
	for _, side := range []*side{s, c} {
		side.Reg.MustAdd(blob)
	}
	w := peertest.OverTCP(t, s, c, func(w *world) {
		HandleLater(w.Client, double, func(*Context, *ask, Answer[told]) {})
		peer.Handle(w.Client, blob, func(*peer.Conn, *[]byte) error { return nil })
	})
	w.AtClient.PauseRead()
	ended := make(chan error, 1)
	p := Go(w.AtServer, double, &ask{}, time.Hour, func(_ *told, err error) { ended <- err })
	w.AtServer.SetOverflow(registry.Refuse)
	eventually(t, "the conn is full", func() bool {
		for size := 1 << 19; size > 0; size /= 2 {
			b := make([]byte, size)
			for peer.Send(w.AtServer, blob, &b) == nil {
			}
		}
		return w.AtServer.Pending() > w.Server.Reactor().MaxPending()-12
	})
	w.AtServer.SetOverflow(registry.CloseSlow)
	if !p.Cancel() {
		t.Error("there was nothing to cancel")
	}
	if err := wait(t, "end", ended); err != context.Canceled {
		t.Errorf("ended with %v", err)
	}
	if w.AtServer.State() != peer.Active {
		t.Errorf("the conn is %v", w.AtServer.State())
	}
	w.AtClient.ResumeRead()
}

// While a side reads nothing, its calls end in time, and those that come are handled later.
func TestCallsToAPausedSide(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.Server, double, doubles)
		Handle(w.Client, back, doubles)
	}, func(t *testing.T, w *world) {
		w.AtServer.PauseRead()
		ended := make(chan error, 1)
		Go(w.AtServer, back, &ask{}, 20*time.Millisecond, func(_ *told, err error) { ended <- err })
		if err := wait(t, "end", ended); err != ErrTimeout {
			t.Errorf("a call of the paused side: %v", err)
		}
		came := goes(w.AtClient, double, &ask{N: 2})
		w.AtServer.ResumeRead()
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
				side.Reg.MustAdd(blob)
				side.Cfg.Overflow = policy
			}
			w := peertest.OverTCP(t, s, c, func(w *world) {
				HandleLater(w.Server, double, func(_ *Context, q *ask, a Answer[told]) { a.Send(&told{N: q.N}) })
				Handle(w.Server, other, doubles)
				Handle(w.Client, back, doubles)
				peer.Handle(w.Client, blob, func(*peer.Conn, *[]byte) error { return nil })
			})
			w.AtClient.PauseRead()
			b := make([]byte, 1<<19)
			for range 64 {
				peer.Send(w.AtServer, blob, &b)
			}
			ended := make(chan error, 3)
			end := func(_ *told, err error) { ended <- err }
			Go(w.AtClient, double, &ask{}, 50*time.Millisecond, end)
			Go(w.AtClient, other, &ask{}, 50*time.Millisecond, end)
			Go(w.AtServer, back, &ask{}, 50*time.Millisecond, end)
			for range 3 {
				if err := wait(t, "end", ended); !errors.Is(err, ErrTimeout) && !errors.Is(err, peer.ErrBackpressure) {
					t.Errorf("ended with %v", err)
				}
			}
			w.AtClient.ResumeRead()
			eventually(t, "the conn goes on", func() bool {
				_, err := Do(t.Context(), w.AtClient, other, &ask{})
				return err == nil
			})
			if s := StatsOf(w.Server); s.Open != 0 || s.Waiting != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}
