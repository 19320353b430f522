package registry

import (
	"fmt"
	"reflect"
	"testing"
)

func TestType(t *testing.T) {
	r := New()
	obj := &object{}
	first, second := mustAdd(t, r, "app:a", 400, obj), mustAdd(t, r, "app:b", 20, nil)
	if first.Name() != "app:a" || first.ID() != 400 || first.Object() != obj || first.Internal() {
		t.Errorf("%s, %d, %v, internal %v", first.Name(), first.ID(), first.Object(), first.Internal())
	}
	// The internal four come first.
	if first.Index() != 4 || second.Index() != 5 {
		t.Errorf("indices %d and %d, want 4 and 5", first.Index(), second.Index())
	}
	for id := range uint16(4) {
		ty := r.Table().Type(id)
		if ty.Index() != int(id) || !ty.Internal() || ty.Hooks() != nil || ty.New() != nil || *ty.Options() != (Options{}) {
			t.Errorf("internal packet %d: %+v", id, ty)
		}
	}
}

// What a packet is decoded into.
func TestTypeNew(t *testing.T) {
	tests := []struct {
		name   string
		add    func(*Registry) (*Type, error)
		want   any
		goType reflect.Type
	}{
		{"no object", func(r *Registry) (*Type, error) { return r.AddObject("app:a", 20, nil) }, nil, nil},
		{"object", func(r *Registry) (*Type, error) { return r.AddObject("app:a", 20, &object{}) }, nil, nil},
		{"valuer", func(r *Registry) (*Type, error) { return r.AddObject("app:a", 20, &valuer{}) }, new(int), nil},
		{"internal valuer", func(r *Registry) (*Type, error) { return r.AddInternal("packetmq:a", 4, &valuer{}) }, new(int), nil},
		{"struct", typed[object](), new(object), reflect.TypeFor[object]()},
		{"map", typed[map[string]int](), new(map[string]int), reflect.TypeFor[map[string]int]()},
		{"pointer", typed[*object](), new(*object), reflect.TypeFor[*object]()},
		{"any", typed[any](), new(any), reflect.TypeFor[any]()},
		{"typed, with a valuer", typed[object](WithObject(&valuer{})), new(object), reflect.TypeFor[object]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ty, err := tt.add(New())
			if err != nil {
				t.Fatal(err)
			}
			if ty.GoType() != tt.goType {
				t.Errorf("GoType() = %v, want %v", ty.GoType(), tt.goType)
			}
			a, b := ty.New(), ty.New()
			if fmt.Sprintf("%T", a) != fmt.Sprintf("%T", tt.want) {
				t.Errorf("New() is a %T, want %T", a, tt.want)
			}
			if a != nil && a == b {
				t.Error("New() returned one value twice")
			}
		})
	}
}

func typed[T any](opts ...Option) func(*Registry) (*Type, error) {
	return func(r *Registry) (*Type, error) {
		p, err := Add[T](r, "app:a", 20, opts...)
		return p.In(r), err
	}
}
