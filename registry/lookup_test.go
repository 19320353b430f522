package registry

import (
	"errors"
	"testing"
)

// A registry that is only asked for packets makes its table after as many
// lookups as it has packets, so that the others take no lock.
func TestLookupsMakeATable(t *testing.T) {
	r := filled(t, 20, MinID)
	for range 2 {
		for range 24 {
			if _, err := r.Lookup(MinID + 1); err != nil {
				t.Fatal(err)
			}
		}
		if r.table.Load() != nil {
			t.Error("a table was made before")
		}
		if ty, err := r.Lookup(MinID + 1); err != nil || ty.ID() != MinID+1 {
			t.Fatal(ty, err)
		}
		if r.table.Load() == nil {
			t.Error("no table was made")
		}
		if err := r.Remove(MinID); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, r, "app:again", MinID, nil)
	}
}

// keysOf are all forms of key for the packet "app:typed", id 40, object obj.
func keysOf(r *Registry, p Packet[object], obj any) map[string]any {
	return map[string]any{
		"name":              "app:typed",
		"kind of name":      kindOfString("app:typed"),
		"int":               40,
		"int8":              int8(40),
		"int16":             int16(40),
		"int32":             int32(40),
		"int64":             int64(40),
		"uint":              uint(40),
		"uint8":             uint8(40),
		"uint16":            uint16(40),
		"uint32":            uint32(40),
		"uint64":            uint64(40),
		"uintptr":           uintptr(40),
		"kind of int":       kindOfInt(40),
		"object":            obj,
		"*Type":             p.In(r),
		"Packet":            p,
		"pointer to Packet": &p,
		"Definition":        Definition(p),
	}
}

// Every form of key works in every conversion, and in Remove.
func TestKeys(t *testing.T) {
	obj := &object{}
	setup := func(t *testing.T) (*Registry, Packet[object]) {
		r := New()
		mustAdd(t, r, "app:before", 39, &object{})
		p := MustAdd[object](r, "app:typed", 40, WithObject(obj))
		mustAdd(t, r, "app:after", 41, object{})
		return r, p
	}
	r, p := setup(t)
	for form := range keysOf(r, p, obj) {
		t.Run(form, func(t *testing.T) {
			r, p := setup(t)
			key := keysOf(r, p, obj)[form]
			if got, err := r.Lookup(key); got != p.In(r) || err != nil {
				t.Errorf("Lookup = %v, %v", got, err)
			}
			if got, err := r.Name(key); got != "app:typed" || err != nil {
				t.Errorf("Name = %q, %v", got, err)
			}
			if got, err := r.ID(key); got != 40 || err != nil {
				t.Errorf("ID = %d, %v", got, err)
			}
			if got, err := r.Object(key); got != obj || err != nil {
				t.Errorf("Object = %v, %v", got, err)
			}
			if err := r.Remove(key); err != nil {
				t.Errorf("Remove = %v", err)
			}
			verify(t, r.Table())
			if got := r.Table().Len(); got != 6 {
				t.Errorf("Len() = %d after Remove", got)
			}
			unknown(t, r, key)
		})
	}
}

// unknown checks that no conversion knows the key.
func unknown(t *testing.T, r *Registry, key any) {
	t.Helper()
	_, lookup := r.Lookup(key)
	_, name := r.Name(key)
	_, id := r.ID(key)
	_, obj := r.Object(key)
	for _, err := range []error{lookup, name, id, obj, r.Remove(key)} {
		if e, ok := errors.AsType[*UnknownError](err); !ok || err.Error() == "" || len(err.Error()) > 600 {
			t.Errorf("key %T: %v, want an UnknownError", key, e)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	r, other := New(), New()
	mustAdd(t, r, "app:a", 20, object{1})
	foreign := mustAdd(t, other, "app:a", 20, nil)
	for _, key := range []any{
		nil, "", "app:b", kindOfString("app:b"), string(make([]byte, 1<<20)),
		-1, 21, 65536, 65536 + 20, int64(-65536 + 20), uint64(1<<63 + 20), uint64(1<<64 - 1), kindOfInt(21),
		object{2}, &object{1}, 2.5, struct{}{}, []int{1}, map[string]int{}, func() {}, [1]any{[]int{}},
		foreign, (*Type)(nil), new(Type), Packet[object]{}, Define[object]("app:a", 20), (*Packet[object])(nil), &Packet[object]{},
	} {
		unknown(t, r, key)
	}
}

func TestObjectOfNone(t *testing.T) {
	r := New()
	mustAdd(t, r, "app:a", 20, nil)
	if obj, err := r.Object("app:a"); obj != nil || err != nil {
		t.Errorf("Object = %v, %v", obj, err)
	}
}

// An object of several packets is no key until it serves one again.
func TestSharedObject(t *testing.T) {
	r := New()
	obj := &object{}
	mustAdd(t, r, "app:a", 20, obj)
	b := mustAdd(t, r, "app:b", 21, obj)
	mustAdd(t, r, "app:c", 22, obj)
	ambiguous := func() {
		t.Helper()
		table := r.Table()
		_, lookup := r.Lookup(obj)
		_, name := r.Name(obj)
		for _, err := range []error{lookup, name, r.Remove(obj)} {
			if !errors.Is(err, ErrAmbiguous) {
				t.Errorf("error = %v, want ErrAmbiguous", err)
			}
		}
		if r.Table() != table {
			t.Error("the registry changed")
		}
	}
	ambiguous()
	if err := r.Remove("app:a"); err != nil {
		t.Fatal(err)
	}
	ambiguous()
	if err := r.Remove("app:c"); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Lookup(obj); got != b || err != nil {
		t.Errorf("Lookup = %v, %v, want the last one", got, err)
	}
}

func BenchmarkLookup(b *testing.B) {
	r := filled(b, 60, MinID)
	p := MustAdd[object](r, "app:typed", 1000, WithObject(&object{}))
	for _, tt := range []struct {
		name string
		key  any
	}{
		{"name", "app:typed"}, {"id", 1000}, {"object", p.In(r).Object()}, {"type", p.In(r)}, {"packet", p},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Lookup(tt.key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
