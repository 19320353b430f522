package registry

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
)

func TestOptions(t *testing.T) {
	r := New()
	obj := &receiver{}
	limits := codec.Limits{Depth: 1, Elements: 2, Budget: 3}
	plain, err := r.AddObject("app:plain", 20, nil, MaxSize(100), nil)
	if err != nil {
		t.Fatal(err)
	}
	typed, err := Add[int](r, "app:typed", 21, Reuse(), MaxSize(200), Limits(limits), WithObject(obj), nil)
	if err != nil {
		t.Fatal(err)
	}
	none, err := Add[int](r, "app:none", 22, WithObject(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ty   *Type
		want Options
		obj  any
	}{
		{plain, Options{MaxSize: 100}, nil},
		{typed.In(r), Options{Reuse: true, MaxSize: 200, Limits: limits}, obj},
		{none.In(r), Options{}, nil},
		{new(Type), Options{}, nil},
	} {
		if got := *tt.ty.Options(); got != tt.want {
			t.Errorf("%s: options %+v, want %+v", tt.ty.Name(), got, tt.want)
		}
		if tt.ty.Object() != tt.obj {
			t.Errorf("%s: object %v", tt.ty.Name(), tt.ty.Object())
		}
	}
	if typed.In(r).Hooks().Receive != obj {
		t.Error("the object's hooks are not the packet's")
	}
	if ty, err := r.Lookup(obj); ty != typed.In(r) || err != nil {
		t.Errorf("Lookup = %v, %v", ty, err)
	}
}
