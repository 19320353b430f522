package state

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
)

// A tick that finds no room for all of its values goes on later, without a loss.
func TestWhatFindsNoRoomComesLater(t *testing.T) {
	leak.Check(t)
	s, c := newSide(false), newSide(true)
	s.Cfg.Engine = &engine.Config{MaxPending: 64 << 10}
	var st *State[named]
	var m *Mirror[named]
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		st = NewFor(w.Server, tags, &Config{Hz: MaxHz, PerTick: 16 << 20})
		m = NewMirror(w.Client, tags, nil)
	})
	w.AtClient.PauseRead()
	for id := range uint64(400) {
		if err := st.Set(&named{id, []string{strings.Repeat("x", 10000)}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
	if err := st.Join(w.AtServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a tick without room", func() bool { return st.Stats().NoRoom > 3 })
	w.AtClient.ResumeRead()
	eventually(t, "all values", func() bool { return m.Len() == 400 && m.Synced() })
	if state := w.AtServer.State(); state != peer.Active {
		t.Errorf("the conn is %v", state)
	}
}

// A value that is too large for a conn is left out and counted; the others come.
func TestAValueThatIsTooLargeForAConnIsLeftOut(t *testing.T) {
	leak.Check(t)
	s, c := newSide(false), newSide(true)
	c.Cfg.MaxFrame = 1000
	var st *State[named]
	var m *Mirror[named]
	w := peertest.OverTCP(t, s, c, func(w *world) {
		st = NewFor(w.Server, tags, Hz(MaxHz))
		m = NewMirror(w.Client, tags, nil)
	})
	st.Set(&named{1, []string{strings.Repeat("x", 10000)}})
	st.Set(&named{2, []string{"x"}})
	eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
	if err := st.Join(w.AtServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the small value", func() bool { return m.Synced() && m.Len() == 1 })
	if n := st.Stats().TooLarge; n != 1 {
		t.Errorf("%d values were too large", n)
	}
}

// A value that has become too large for a conn takes the older one with it, and removals fit
// into what the conn takes.
func TestAConnThatTakesShortPackets(t *testing.T) {
	leak.Check(t)
	s, c := newSide(false), newSide(true)
	c.Cfg.MaxFrame = 1000
	var st *State[named]
	var m *Mirror[named]
	w := peertest.OverMemory(true)(t, s, c, func(w *world) {
		st = NewFor(w.Server, tags, Hz(MaxHz))
		m = NewMirror(w.Client, tags, nil)
	})
	const many, far = 250, 1 << 60
	for n := range uint64(many) {
		st.Set(&named{far + n, []string{"x"}})
	}
	eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
	if err := st.Join(w.AtServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the snapshot", func() bool { return m.Synced() && m.Len() == many })
	st.Set(&named{far, []string{strings.Repeat("x", 10000)}})
	eventually(t, "what is too large to be gone", func() bool { return m.Len() == many-1 })
	for n := range uint64(many) {
		st.Delete(far + n)
	}
	eventually(t, "all to be gone", func() bool { return m.Len() == 0 })
}

// A value that can never be sent is refused where it is set.
func TestAValueThatCannotBeEncodedIsRefused(t *testing.T) {
	s := newStage(t)
	if err := s.st.Set(nil); !errors.Is(err, peer.ErrNil) {
		t.Errorf("nil: %v", err)
	}
	small := limited(t)
	if err := small.Set(&named{1, []string{strings.Repeat("x", 200)}}); err == nil || small.Len() != 0 {
		t.Errorf("over MaxSize: %v", err)
	}
}
