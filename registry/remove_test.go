package registry

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestRemoveRefuses(t *testing.T) {
	r := New()
	mustAdd(t, r, "app:a", 20, nil)
	table := r.Table()
	for id, name := range [...]string{NameInit, NameSoftquit, NamePubIDs, NameFinish} {
		for _, key := range []any{id, name, table.Type(uint16(id))} {
			if err := r.Remove(key); !errors.Is(err, ErrPermanent) {
				t.Errorf("Remove(%v) = %v", key, err)
			}
		}
	}
	for _, key := range []any{"app:x", 21, nil, &object{}, []int{1}} {
		if err := r.Remove(key); !as[*UnknownError](err) {
			t.Errorf("Remove(%v) = %v", key, err)
		}
	}
	if r.Table() != table {
		t.Error("the registry changed")
	}
}

// Churn costs the same however long it lasts, and leaves nothing behind: no
// index, no removed type, no table.
func TestChurnLeavesNothing(t *testing.T) {
	const rounds = 20_000
	r := filled(t, 50, 1000)
	before := r.Table()
	obj := &object{}
	collected := make(chan struct{})
	for i := range rounds {
		ty := mustAdd(t, r, fmt.Sprintf("churn:%d", i), MinID+i%500, obj)
		if i == 0 {
			runtime.AddCleanup(ty, func(struct{}) { close(collected) }, struct{}{})
		}
		if _, err := r.Lookup(ty.Name()); err != nil {
			t.Fatal(err)
		}
		if err := r.Remove(obj); err != nil {
			t.Fatal(err)
		}
	}
	for gone := false; !gone; {
		runtime.GC()
		select {
		case <-collected:
			gone = true
		case <-time.After(10 * time.Second):
			t.Fatal("a removed type is kept")
		}
	}
	if got := allocated(func() {
		ty := mustAdd(t, r, "churn:last", 20, obj)
		if err := r.Remove(ty); err != nil {
			t.Fatal(err)
		}
	}); got > 1<<10 {
		t.Errorf("one change allocates %d bytes", got)
	}
	after := r.Table()
	if !slices.Equal(after.IDs(), before.IDs()) || len(after.types) > len(before.types)+1 || len(r.packets.order) > 2*after.Len() {
		t.Errorf("%d indices after %d, %d in order", len(after.types), len(before.types), len(r.packets.order))
	}
	verify(t, after)
}

func TestRemoveInternal(t *testing.T) {
	r := New()
	ty, err := r.AddInternal("packetmq:extra", 4, &object{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(ty); err != nil {
		t.Fatal(err)
	}
	if r.Table().Type(4) != nil {
		t.Error("still there")
	}
	verify(t, r.Table())
}

// A name, an id, an object and an index are free again after a Remove.
func TestRemoveFrees(t *testing.T) {
	r := New()
	obj := &object{}
	first := mustAdd(t, r, "app:a", 300, obj)
	if err := r.Remove(obj); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(first); !as[*UnknownError](err) {
		t.Errorf("second Remove = %v", err)
	}
	second := mustAdd(t, r, "app:a", 300, obj)
	if second.Index() != first.Index() {
		t.Errorf("index %d after %d", second.Index(), first.Index())
	}
	if _, ok := r.Table().WireID(first); ok {
		t.Error("the removed type has the new one's id")
	}
	if got, err := r.Lookup(obj); got != second || err != nil {
		t.Errorf("Lookup = %v, %v", got, err)
	}
}

// One iteration is a packet that comes and goes.
func BenchmarkChurn(b *testing.B) {
	for _, n := range []int{20, 500, MaxNames - 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := filled(b, n, MinID)
			b.ReportAllocs()
			for b.Loop() {
				ty, err := r.AddObject("churn:packet", MaxID, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Remove(ty); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
