package registry

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// A failed Add gives its error and leaves the registry as it was.
func TestAddRefuses(t *testing.T) {
	var (
		taken = &object{1}
		plain = func(name string, id int, obj any, opts ...Option) func(*Registry) error {
			return func(r *Registry) error { _, err := r.AddObject(name, id, obj, opts...); return err }
		}
		typed = func(name string, id int, opts ...Option) func(*Registry) error {
			return func(r *Registry) error { _, err := Add[object](r, name, id, opts...); return err }
		}
		internal = func(name string, id int, obj any) func(*Registry) error {
			return func(r *Registry) error { _, err := r.AddInternal(name, id, obj); return err }
		}
	)
	tests := []struct {
		name string
		add  func(*Registry) error
		want func(error) bool
	}{
		{"malformed name", plain("app", 30, nil), as[*NameError]},
		{"malformed name, typed", typed("app", 30), as[*NameError]},
		{"malformed name, internal", internal("packetmq", 5, nil), as[*NameError]},
		{"internal name", plain("packetmq:x", 30, nil), as[*NameError]},
		{"internal name, typed", typed("packetmq:x", 30), as[*NameError]},
		{"application's name, internal", internal("app:x", 5, nil), as[*NameError]},
		{"application's name like an internal one", internal("packetmqx:x", 5, nil), as[*NameError]},

		{"id below all", plain("app:x", -1, nil), as[*IDError]},
		{"id of an internal packet", plain("app:x", 0, nil), as[*IDError]},
		{"id for internal packets", plain("app:x", 15, nil), as[*IDError]},
		{"id above all", plain("app:x", 65536, nil), as[*IDError]},
		{"id that wraps to a good one", plain("app:x", 65536+30, nil), as[*IDError]},
		{"id below, typed", typed("app:x", 15), as[*IDError]},
		{"id of the first four, internal", internal("packetmq:x", 3, nil), as[*IDError]},
		{"id above, internal", internal("packetmq:x", 16, nil), as[*IDError]},
		{"id below all, internal", internal("packetmq:x", -1, nil), as[*IDError]},

		{"name twice", plain("app:a", 30, nil), as[*ConflictError]},
		{"id twice", plain("app:x", 20, nil), as[*ConflictError]},
		{"both twice", plain("app:a", 20, nil), as[*ConflictError]},
		{"name and id of two others", plain("app:a", 21, nil), as[*ConflictError]},
		{"name twice, typed", typed("app:a", 30), as[*ConflictError]},
		{"id twice, internal", internal("packetmq:x", 4, nil), as[*ConflictError]},
		{"name twice, internal", internal(NameInit, 5, nil), as[*ConflictError]},

		{"object: slice", plain("app:x", 30, []int{1}), as[*ObjectError]},
		{"object: map", plain("app:x", 30, map[int]int{}), as[*ObjectError]},
		{"object: func", plain("app:x", 30, func() {}), as[*ObjectError]},
		{"object: slice inside", plain("app:x", 30, struct{ v any }{[]int{1}}), as[*ObjectError]},
		{"object: slice inside, typed", typed("app:x", 30, WithObject([1]any{[]int{1}})), as[*ObjectError]},
		{"object: slice, internal", internal("packetmq:x", 5, []int{1}), as[*ObjectError]},
		{"object: one that cannot be compared", plain("app:x", 30, answer{As: []int{1}}), as[*ObjectError]},
		{"object: string", plain("app:x", 30, "app:y"), as[*ObjectError]},
		{"object: kind of string", plain("app:x", 30, kindOfString("y")), as[*ObjectError]},
		{"object: int", plain("app:x", 30, 30), as[*ObjectError]},
		{"object: kind of int", plain("app:x", 30, kindOfInt(1)), as[*ObjectError]},
		{"object: uintptr", plain("app:x", 30, uintptr(30)), as[*ObjectError]},
		{"object: type", plain("app:x", 30, new(Type)), as[*ObjectError]},
		{"object: handle", plain("app:x", 30, Packet[int]{}), as[*ObjectError]},
		{"object: pointer to a handle", plain("app:x", 30, &Packet[int]{}), as[*ObjectError]},

		{"nil registry", func(*Registry) error { _, err := (*Registry)(nil).AddObject("app:x", 30, nil); return err }, is(ErrNoRegistry)},
		{"nil registry, typed", func(*Registry) error { _, err := Add[object](nil, "app:x", 30); return err }, is(ErrNoRegistry)},
		{"nil registry, internal", func(*Registry) error { _, err := (*Registry)(nil).AddInternal("packetmq:x", 5, nil); return err }, is(ErrNoRegistry)},

		{"option: no such policy", plain("app:x", 30, nil, OnOverflow(DropOldest+1)), as[*OptionError]},
		{"option: no such policy, typed", typed("app:x", 30, OnOverflow(255)), as[*OptionError]},
		{"option: negative size", plain("app:x", 30, nil, MaxSize(-1)), as[*OptionError]},
		{"option: negative size, typed", typed("app:x", 30, MaxSize(-1)), as[*OptionError]},
		{"option: negative depth", plain("app:x", 30, nil, Limits(codec.Limits{Depth: -1})), as[*OptionError]},
		{"option: negative elements", plain("app:x", 30, nil, Limits(codec.Limits{Elements: -1})), as[*OptionError]},
		{"option: negative budget", typed("app:x", 30, Limits(codec.Limits{Budget: -1})), as[*OptionError]},
		{"type: channel", typedAs[chan int]("app:x", 30), isTypeError("")},
		{"type: function in a list", typedAs[[]func()]("app:x", 30), isTypeError("[]")},
		{"type: channel deep inside", typedAs[struct {
			Orders map[string][]*struct{ Done chan int }
		}]("app:x", 30), isTypeError(".Orders[][].Done")},
		{"type: structs as keys", typedAs[struct{ M map[struct{ X int }]int }]("app:x", 30), isTypeError(".M[key]")},
		{"option: reuse without type", plain("app:x", 30, nil, Reuse()), as[*OptionError]},
		{"option: object beside the object", plain("app:x", 30, nil, WithObject(taken)), as[*OptionError]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New()
			mustAdd(t, r, "app:a", 20, taken)
			mustAdd(t, r, "app:b", 21, nil)
			if _, err := r.AddInternal("packetmq:extra", 4, nil); err != nil {
				t.Fatal(err)
			}
			table, before := r.Table(), snapshot(r.Table())
			err := tt.add(r)
			if !tt.want(err) {
				t.Fatalf("error %T: %v", err, err)
			}
			if err.Error() == "" {
				t.Error("the error says nothing")
			}
			if r.Table() != table || !snapshot(table).equal(before) {
				t.Error("the registry changed")
			}
			// What was refused must not be in the way of what is right.
			next := mustAdd(t, r, "app:x", 30, nil)
			if want := len(before.types); next.Index() != want {
				t.Errorf("the next index is %d, want %d", next.Index(), want)
			}
			verify(t, r.Table())
		})
	}
}

func typedAs[T any](name string, id int) func(*Registry) error {
	return func(r *Registry) error {
		_, err := Add[T](r, name, id)
		return err
	}
}

// isTypeError tells whether an error names the part of a type that is at fault.
func isTypeError(path string) func(error) bool {
	return func(err error) bool {
		var outer *TypeError
		var inner *codec.TypeError
		return errors.As(err, &outer) && errors.As(err, &inner) && inner.Path == path
	}
}

type (
	kindOfString string
	kindOfInt    uint8
)

func TestConflictNamesBoth(t *testing.T) {
	r := New()
	mustAdd(t, r, "app:a", 20, nil)
	_, err := r.AddObject("app:b", 20, nil)
	e, ok := errors.AsType[*ConflictError](err)
	if !ok || e.New != (Entry{"app:b", 20}) || e.Old != (Entry{"app:a", 20}) {
		t.Errorf("Add = %v", err)
	}
}

func TestAddBounds(t *testing.T) {
	r := New()
	low, high := mustAdd(t, r, "app:low", MinID, nil), mustAdd(t, r, "app:high", MaxID, nil)
	lowest, err := r.AddInternal("packetmq:low", 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	highest, err := r.AddInternal("packetmq:high", 13, nil)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, r.Table())
	for _, tt := range []struct {
		ty       *Type
		id       uint16
		internal bool
	}{{low, 16, false}, {high, 65535, false}, {lowest, 4, true}, {highest, 13, true}} {
		if tt.ty.ID() != tt.id || tt.ty.Internal() != tt.internal || r.Table().Type(tt.id) != tt.ty {
			t.Errorf("%s: id %d, internal %v", tt.ty.Name(), tt.ty.ID(), tt.ty.Internal())
		}
	}
}

func TestFull(t *testing.T) {
	r := filled(t, MaxNames-4, MinID)
	verify(t, r.Table())
	table := r.Table()
	if _, err := r.AddObject("app:one", 60000, nil); !errors.Is(err, ErrFull) {
		t.Fatalf("Add to a full registry = %v", err)
	}
	if r.Table() != table {
		t.Error("the registry changed")
	}
	if err := r.Remove(MinID); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, r, "app:one", 60000, nil)
	if got := r.Table().Len(); got != MaxNames {
		t.Errorf("Len() = %d", got)
	}
	if same, err := r.Table().Adapt(r.Table().IDs()); same != r.Table() || err != nil {
		t.Errorf("a full table cannot be adapted to: %v", err)
	}
}

// Conns that were told the packets keep all but late ones out, until they end.
func TestAddWhileConnsAreOpen(t *testing.T) {
	add := map[string]func(r *Registry, opts ...Option) error{
		"plain": func(r *Registry, opts ...Option) error { _, err := r.AddObject("app:x", 30, nil, opts...); return err },
		"typed": func(r *Registry, opts ...Option) error { _, err := Add[object](r, "app:x", 30, opts...); return err },
		"internal": func(r *Registry, opts ...Option) error {
			_, err := r.AddInternal("packetmq:x", 5, nil, opts...)
			return err
		},
	}
	for name, add := range add {
		t.Run(name, func(t *testing.T) {
			r := New()
			told := r.Join()
			r.Join()
			e, ok := errors.AsType[*InUseError](add(r))
			if !ok || e.Conns != 2 || e.Error() == "" {
				t.Errorf("Add = %v", e)
			}
			if r.Table() != told {
				t.Error("the registry changed")
			}
			if err := add(r, Late()); err != nil {
				t.Errorf("Add with Late = %v", err)
			}
			if told.Len() != 4 || r.Table().Len() != 5 {
				t.Error("what the conns were told changed, or the registry did not")
			}
			r.Remove("app:x")
			r.Remove("packetmq:x")
			r.Leave()
			if err := add(r); !as[*InUseError](err) {
				t.Errorf("Add while a conn is left = %v", err)
			}
			r.Leave()
			if err := add(r); err != nil {
				t.Errorf("Add without conns = %v", err)
			}
		})
	}
}

// One iteration fills a registry.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{20, 500, MaxNames - 4} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("app:packet%d", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := New()
				for i, name := range names {
					if _, err := r.AddObject(name, MinID+i, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
