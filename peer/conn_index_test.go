package peer

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// The index against a map, through growing, churning and shrinking.
func TestIndex(t *testing.T) {
	var x connIndex
	want := make(map[uint64]*Conn)
	next := uint64(0)
	add := func() {
		next++
		c := &Conn{id: next}
		x.add(c)
		want[c.id] = c
	}
	remove := func() {
		ids := slices.Sorted(maps.Keys(want))
		id := ids[rand.IntN(len(ids))]
		x.remove(id)
		x.remove(id)
		delete(want, id)
	}
	check := func(when string) {
		t.Helper()
		for id := range next + 2 {
			if x.get(id) != want[id] {
				t.Fatalf("%s: conn %d is %v, want %v", when, id, x.get(id), want[id])
			}
		}
		if n := len(x.all()); n != len(want) || x.n != n {
			t.Fatalf("%s: %d conns, %d counted, want %d", when, n, x.n, len(want))
		}
		if len(want) > 0 && (4*len(want) > 3*len(x.slots) || 8*len(want) < len(x.slots) && len(x.slots) > minSlots) {
			t.Fatalf("%s: %d conns in %d slots", when, len(want), len(x.slots))
		}
	}
	check("at first")
	for range 500 {
		add()
	}
	check("grown")
	for range 2000 {
		remove()
		add()
	}
	check("churned")
	for len(want) > 0 {
		remove()
		if len(want)%50 == 0 {
			check("shrinking")
		}
	}
	add()
	check("in use again")
}

func BenchmarkIndex(b *testing.B) {
	var x connIndex
	m := make(map[uint64]*Conn)
	const conns = 20000
	for id := range uint64(conns) {
		c := &Conn{id: id}
		x.add(c)
		m[id] = c
	}
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if x.get(uint64(i)*7919%conns) == nil {
				b.Fatal("lost")
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		for i := range b.N {
			if m[uint64(i)*7919%conns] == nil {
				b.Fatal("lost")
			}
		}
	})
}
