package registry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func TestAdapts(t *testing.T) {
	if New().Adapts() || new(Registry).Adapts() {
		t.Error("a registry of New, or a zero one, adapts")
	}
	if !NewAdapting().Adapts() {
		t.Error("a registry of NewAdapting does not adapt")
	}
}

func TestNilRegistry(t *testing.T) {
	var r *Registry
	_, lookup := r.Lookup("app:a")
	_, name := r.Name(16)
	_, id := r.ID("app:a")
	_, obj := r.Object("app:a")
	for _, err := range []error{lookup, name, id, obj, r.Remove("app:a")} {
		if !errors.Is(err, ErrNoRegistry) {
			t.Errorf("error = %v", err)
		}
	}
}

func TestZeroRegistry(t *testing.T) {
	for what, first := range map[string]func(r *Registry) error{
		"table":  func(r *Registry) error { r.Table(); return nil },
		"lookup": func(r *Registry) error { _, err := r.Lookup(NameInit); return err },
		"add":    func(r *Registry) error { _, err := r.AddObject("app:a", 20, nil); return err },
		"join":   func(r *Registry) error { r.Join(); r.Leave(); return nil },
	} {
		var r Registry
		if err := first(&r); err != nil || r.Adapts() {
			t.Errorf("%s: %v, adapts %v", what, err, r.Adapts())
		}
		verify(t, r.Table())
	}
}

// A registry under random changes agrees with a plain list of packets, and no
// table that was current once ever changes.
func TestModel(t *testing.T) {
	type frozen struct {
		table *Table
		state state
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		r := New()
		model := slices.Clone(r.Table().IDs())
		var past []frozen
		for range 300 {
			past = append(past, frozen{r.Table(), snapshot(r.Table())})
			e := Entry{fmt.Sprintf("app:%d", rnd.IntN(30)), uint16(MinID + rnd.IntN(30)*50)}
			if rnd.IntN(3) > 0 {
				clash := slices.ContainsFunc(model, func(o Entry) bool { return o.Name == e.Name || o.ID == e.ID })
				if _, err := r.AddObject(e.Name, int(e.ID), nil); (err != nil) != clash {
					t.Fatalf("seed %d: Add(%v) = %v", seed, e, err)
				}
				if !clash {
					model = append(model, e)
				}
			} else {
				i := slices.IndexFunc(model, func(o Entry) bool { return o.Name == e.Name })
				if err := r.Remove(e.Name); (err == nil) != (i >= 0) {
					t.Fatalf("seed %d: Remove(%v) = %v", seed, e, err)
				}
				if i >= 0 {
					model = slices.Delete(model, i, i+1)
				}
			}
			if !slices.Equal(r.Table().IDs(), model) {
				t.Fatalf("seed %d: %v, want %v", seed, r.Table().IDs(), model)
			}
			verify(t, r.Table())
		}
		for i, f := range past {
			if !snapshot(f.table).equal(f.state) {
				t.Fatalf("seed %d: table %d changed later", seed, i)
			}
		}
	}
}

// Readers see whole tables, whatever writers do.
func TestConcurrent(t *testing.T) {
	const writers, readers, rounds = 4, 4, 200
	r := New()
	shared := &object{}
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range rounds {
				// All writers want this one; at most one of them has it.
				if ty, err := r.AddObject("app:wanted", 1000, shared); err == nil {
					if err := r.Remove(ty); err != nil {
						t.Errorf("Remove what was just added: %v", err)
					}
				} else if !as[*ConflictError](err) {
					t.Errorf("Add = %v", err)
				}
				name, id := fmt.Sprintf("app:%d-%d", w, i%10), 2000+w*300+i%10
				if _, err := r.AddObject(name, id, &object{}); err != nil {
					t.Errorf("Add = %v", err)
				}
				if err := r.Remove(name); err != nil {
					t.Errorf("Remove = %v", err)
				}
			}
		})
	}
	for range readers {
		group.Go(func() {
			for range rounds {
				table := r.Table()
				verify(t, table)
				if n := table.Len(); n > 4+1+writers {
					t.Errorf("Len() = %d", n)
				}
				if same, err := table.Adapt(table.IDs()); same != table || err != nil {
					t.Errorf("Adapt = %v", err)
				}
				verify(t, table.Rebase(r.Table().IDs()))
				for _, key := range []any{"app:wanted", 1000, shared} {
					if ty, err := r.Lookup(key); err == nil && ty.Name() != "app:wanted" {
						t.Errorf("Lookup(%v) = %v", key, ty.Name())
					}
				}
			}
		})
	}
	group.Wait()
	if n := r.Table().Len(); n != 4 {
		t.Errorf("%d packets are left", n)
	}
}

func TestEqualObjectsAreOne(t *testing.T) {
	r := New()
	mustAdd(t, r, "app:a", 20, answer{As: "app:pong"})
	mustAdd(t, r, "app:b", 21, answer{As: "app:pong"})
	if _, err := r.Lookup(answer{As: "app:pong"}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("values: %v", err)
	}
	p := &answer{As: "app:pong"}
	c := mustAdd(t, r, "app:c", 22, p)
	mustAdd(t, r, "app:d", 23, &answer{As: "app:pong"})
	if ty, err := r.Lookup(p); ty != c || err != nil {
		t.Errorf("pointers: %v, %v", ty, err)
	}
}
