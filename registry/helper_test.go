package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// state is all that can be seen of a table, copied.
type state struct {
	byID  map[uint16]*Type
	wire  []uint16
	ids   []Entry
	types []*Type
}

func snapshot(t *Table) state {
	s := state{
		byID:  make(map[uint16]*Type),
		wire:  slices.Clone(t.wire),
		ids:   t.IDs(),
		types: slices.Clone(t.list.types),
	}
	add := func(id uint16, ty *Type) {
		if ty != nil {
			s.byID[id] = ty
		}
	}
	for id, ty := range t.low {
		add(uint16(id), ty)
	}
	for i, ty := range t.dense {
		add(uint16(int(t.first)+i), ty)
	}
	for _, e := range t.hash {
		if e != 0 {
			add(e.id(), t.types[e.index()])
		}
	}
	return s
}

func (s state) equal(o state) bool {
	return maps.Equal(s.byID, o.byID) && slices.Equal(s.wire, o.wire) &&
		slices.Equal(s.ids, o.ids) && slices.Equal(s.types, o.types)
}

// verify checks a table's views of itself against each other, without help
// from a second table.
func verify(t testing.TB, tb *Table) {
	t.Helper()
	ids := tb.IDs()
	if tb.Len() != len(ids) || len(tb.list.types) < tb.Len() {
		t.Fatalf("Len() = %d, %d ids, %d types", tb.Len(), len(ids), len(tb.list.types))
	}
	rest := tb.list.types
	for i, e := range ids {
		ty := tb.Type(e.ID)
		if ty == nil || ty.Name() != e.Name {
			t.Fatalf("entry %d is %v, its id is that of %v", i, e, ty)
		}
		if id, ok := tb.WireID(ty); !ok || id != e.ID {
			t.Fatalf("WireID(%s) = %d, %v, entry is %v", ty.Name(), id, ok, e)
		}
		at := slices.Index(rest, ty)
		if at < 0 {
			t.Fatalf("%s is not in order of registration", ty.Name())
		}
		rest = rest[at+1:]
	}
	if n := len(snapshot(tb).byID); n != tb.Len() {
		t.Fatalf("%d ids have a type, Len() = %d", n, tb.Len())
	}
	for i, name := range [...]string{NameInit, NameSoftquit, NamePubIDs, NameFinish} {
		if e := tb.IDs()[i]; e != (Entry{name, uint16(i)}) {
			t.Fatalf("entry %d is %v, want %s", i, e, name)
		}
	}
}

func mustAdd(t testing.TB, r *Registry, name string, id int, obj any) *Type {
	t.Helper()
	ty, err := r.AddObject(name, id, obj)
	if err != nil {
		t.Fatal(err)
	}
	return ty
}

// filled is a registry with n packets of an application at ids from first on.
func filled(t testing.TB, n, first int) *Registry {
	t.Helper()
	r := NewAdapting()
	for i := range n {
		mustAdd(t, r, fmt.Sprintf("app:packet%d", i), first+i, nil)
	}
	return r
}

// shifted are a table's ids with those of its application's packets changed
// by f.
func shifted(t *Table, f func(uint16) uint16) []Entry {
	ids := slices.Clone(t.IDs())
	for i := range ids {
		if ids[i].ID >= MinID {
			ids[i].ID = f(ids[i].ID)
		}
	}
	return ids
}

// as tells whether an error is a typed one of type E.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// conn is a Conn.
type conn struct{ id uint64 }

func (c *conn) ID() uint64   { return c.id }
func (c *conn) Close() error { return nil }

// answer is a packet object with a hook, which can be compared if As can.
type answer struct{ As any }

func (answer) OnReceive(Conn, any) error { return nil }

type object struct{ n int }

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
