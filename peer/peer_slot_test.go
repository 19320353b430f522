package peer

import (
	"sync"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// A peer has one value in each slot, and its own.
func TestPeerSlotHasOneValueForEachPeer(t *testing.T) {
	a, b := NewServer(registry.New(), nil), NewClient(registry.NewAdapting(), nil)
	defer a.Close()
	defer b.Close()
	first, second := NewPeerSlot[int](), NewPeerSlot[int]()
	if _, ok := first.Get(a.Peer); ok {
		t.Error("a new slot has a value")
	}
	if v := first.GetOrSet(a.Peer, func() int { return 1 }); v != 1 {
		t.Errorf("the value is %d, want 1", v)
	}
	if v := first.GetOrSet(a.Peer, func() int { return 2 }); v != 1 {
		t.Errorf("the value was replaced by %d", v)
	}
	if v, ok := second.Get(a.Peer); ok {
		t.Errorf("another slot has the value %d", v)
	}
	if v, ok := first.Get(b.Peer); ok {
		t.Errorf("another peer has the value %d", v)
	}
	if v, ok := first.Get(nil); ok {
		t.Errorf("no peer has the value %d", v)
	}
}

// Goroutines that set a slot at once get the same value.
func TestPeerSlotIsSetOnce(t *testing.T) {
	p := NewServer(registry.New(), nil)
	defer p.Close()
	slot := NewPeerSlot[*int]()
	var wg sync.WaitGroup
	got := make([]*int, 8)
	for i := range got {
		wg.Go(func() { got[i] = slot.GetOrSet(p.Peer, func() *int { return new(int) }) })
	}
	wg.Wait()
	for _, v := range got {
		if v != got[0] {
			t.Error("two goroutines got different values")
		}
	}
}

// Of finds the peer in whatever embeds it, and says what is none.
func TestOfFindsThePeer(t *testing.T) {
	s := NewServer(registry.New(), nil)
	defer s.Close()
	for name, h := range map[string]Host{"server": s, "peer": s.Peer, "embedded": struct{ *Server }{s}} {
		if p, err := Of(h); p != s.Peer || err != nil {
			t.Errorf("%s: got %p, %v", name, p, err)
		}
	}
	if _, err := Of((*Server)(nil)); err == nil {
		t.Error("a nil server is a peer")
	}
}
