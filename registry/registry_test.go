package registry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
)

func TestAdapts(t *testing.T) {
	if New().Adapts() || new(Registry).Adapts() {
		t.Error("a registry of New, or a zero one, adapts")
	}
	if !NewAdapting().Adapts() {
		t.Error("a registry of NewAdapting does not adapt")
	}
}

type object struct{ n int }

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

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

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
	if !slices.Equal(after.IDs(), before.IDs()) || len(after.types) > len(before.types)+1 || len(r.catalog.order) > 2*after.Len() {
		t.Errorf("%d indices after %d, %d in order", len(after.types), len(before.types), len(r.catalog.order))
	}
	verify(t, after)
}

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
