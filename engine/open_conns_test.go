package engine

import "testing"

// Whichever conn is removed, the others stay, each at its slot, and nothing keeps the removed
// one from the garbage collector.
func TestOpenConnsKeepTheirSlots(t *testing.T) {
	for remove := range 3 {
		var q openConns
		conns := []*Conn{new(Conn), new(Conn), new(Conn)}
		for _, c := range conns {
			q.add(c)
		}
		q.remove(conns[remove])
		if len(q) != 2 || q[:3][2] != nil {
			t.Errorf("%d conns are left, want 2, and nothing after them", len(q))
		}
		for i, c := range conns {
			if i != remove && q[c.slot] != c {
				t.Errorf("without conn %d, conn %d is not at its slot", remove, i)
			}
		}
	}
}

// The conns can be removed from the last one on until none is left.
func TestOpenConnsToTheLast(t *testing.T) {
	var q openConns
	for range 3 {
		q.add(new(Conn))
	}
	removed := 0
	for c := q.last(); c != nil; c = q.last() {
		q.remove(c)
		removed++
	}
	if removed != 3 {
		t.Errorf("%d conns were removed, want 3", removed)
	}
}
