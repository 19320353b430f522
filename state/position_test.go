package state

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// told applies what the position of a reader is told next to what the reader has.
func told(t *table, p *position, limit int, has map[uint64]string) (done bool) {
	var b batch
	done = p.next(t, limit, &b, nil)
	for i := range b.changes {
		c := &b.changes[i]
		if c.removed {
			delete(has, c.key)
		} else {
			has[c.key] = string(b.payload(c))
		}
	}
	return done
}

// Whatever changes, and however little a tick may have, a reader comes to have what the table
// has, and begins again only if removals were forgotten.
func TestAPositionComesToTheEnd(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		table, p, has := newTable(), position{}, make(map[uint64]string)
		for range 500 {
			for range rng.IntN(10) {
				if key := rng.Uint64N(50); rng.IntN(3) == 0 {
					table.remove(key)
				} else {
					table.set(key, []byte(fmt.Sprint(rng.IntN(1000))))
				}
			}
			told(&table, &p, 1+rng.IntN(200), has)
			if p.lost(&table) {
				t.Fatalf("seed %d: the reader is to begin again, though nothing was forgotten", seed)
			}
		}
		for !told(&table, &p, 50, has) {
		}
		if p.behind(&table) || len(has) != table.values {
			t.Errorf("seed %d: the reader has %d keys, the table %d", seed, len(has), table.values)
		}
		for key, v := range has {
			if _, payload := table.value(key); string(payload) != v {
				t.Errorf("seed %d: key %d has %q, want %q", seed, key, v, payload)
			}
		}
	}
}

// A key that a snapshot has told, and that is removed and forgotten before it is complete, has
// it begin again.
func TestARemovalThatIsForgottenDuringASnapshot(t *testing.T) {
	table, p, has := newTable(), position{}, make(map[uint64]string)
	for key := range uint64(10) {
		table.set(key, []byte("x"))
	}
	told(&table, &p, 3*(1+changeSize), has)
	if p.lost(&table) || len(has) != 3 {
		t.Fatalf("the reader has %d keys, and is to begin again: %v", len(has), p.lost(&table))
	}
	table.remove(0)
	if p.lost(&table) {
		t.Error("the removal is remembered, and the reader is to begin again")
	}
	for key := range uint64(2 * keptRemovals) {
		table.set(100+key, []byte("x"))
		table.remove(100 + key)
	}
	if !p.lost(&table) {
		t.Error("the removal is forgotten, and the reader is not to begin again")
	}
}

func TestABitmap(t *testing.T) {
	var m bitmap
	for _, at := range []int32{0, 63, 64, 1000} {
		if m.has(at) {
			t.Errorf("%d is set in an empty bitmap", at)
		}
		m.unset(at)
		m.set(at)
		if !m.has(at) || m.has(at+1) {
			t.Errorf("%d is set: %v, the next: %v", at, m.has(at), m.has(at+1))
		}
		m.unset(at)
		if m.has(at) {
			t.Errorf("%d is still set", at)
		}
	}
}
