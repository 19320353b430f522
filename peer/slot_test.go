package peer

import (
	"sync"
	"testing"
)

func TestSlotsOfOneConnAreApart(t *testing.T) {
	c := new(Conn)
	one, two := NewSlot[int](), NewSlot[int]()
	if v, ok := one.Get(c); ok || v != 0 {
		t.Errorf("an empty slot has %v, %v", v, ok)
	}
	one.Set(c, 1)
	two.Set(c, 2)
	one.Set(c, 3)
	for slot, want := range map[*Slot[int]]int{one: 3, two: 2} {
		if v, ok := slot.Get(c); !ok || v != want {
			t.Errorf("the slot has %v, %v; want %v", v, ok, want)
		}
	}
	if v, ok := one.Get(new(Conn)); ok {
		t.Errorf("another conn has %v", v)
	}
}

// A nil Conn is one that has ended: nothing is kept on it.
func TestSlotOfANilConn(t *testing.T) {
	s := NewSlot[string]()
	s.Set(nil, "lost")
	if v, ok := s.Get(nil); ok {
		t.Errorf("Get: %q", v)
	}
	if v := s.GetOrSet(nil, func() string { return "fresh" }); v != "fresh" {
		t.Errorf("GetOrSet: %q", v)
	}
}

func TestGetOrSetGivesAllTheSameValue(t *testing.T) {
	c, s := new(Conn), NewSlot[*int]()
	other := make([]*Slot[int], 8)
	got := make([]*int, 8)
	var all sync.WaitGroup
	for i := range got {
		other[i] = NewSlot[int]()
		all.Go(func() {
			other[i].Set(c, i)
			got[i] = s.GetOrSet(c, func() *int { return new(int) })
		})
	}
	all.Wait()
	for i := range got {
		if got[i] != got[0] || got[i] == nil {
			t.Errorf("goroutine %d got another value", i)
		}
		if v, ok := other[i].Get(c); !ok || v != i {
			t.Errorf("slot %d has %v, %v", i, v, ok)
		}
	}
}

func TestAllocSlotGet(t *testing.T) {
	c, s := new(Conn), NewSlot[*int]()
	NewSlot[int]().Set(c, 1)
	s.Set(c, new(int))
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := s.Get(c); !ok {
			t.Fatal("no value")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkSlotGet(b *testing.B) {
	c, s := new(Conn), NewSlot[*int]()
	s.Set(c, new(int))
	for range 3 {
		NewSlot[int]().Set(c, 1)
	}
	for b.Loop() {
		s.Get(c)
	}
}

// A slot may hold an interface that is nil, and so may one of a peer.
func TestSlotOfANilInterface(t *testing.T) {
	s, c := NewSlot[error](), new(Conn)
	s.Set(c, nil)
	if v, ok := s.Get(c); v != nil || !ok {
		t.Errorf("Get: %v, %v", v, ok)
	}
	ofPeer, p := NewPeerSlot[error](), new(Peer)
	if v := ofPeer.GetOrSet(p, func() error { return nil }); v != nil {
		t.Errorf("GetOrSet: %v", v)
	}
	if v, ok := ofPeer.Get(p); v != nil || !ok {
		t.Errorf("Get: %v, %v", v, ok)
	}
}
