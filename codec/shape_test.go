package codec

import (
	"reflect"
	"testing"
	"time"
)

type shapeTree struct {
	Leaf  int          `msgpack:"leaf"`
	Below []*shapeTree `msgpack:"below"`
}

type shapeOuter struct {
	shapeInner
	Z    map[string]shapeTree `msgpack:"z"`
	A    *time.Time           `msgpack:"a,omitempty"`
	Odd  uint8                `msgpack:"an odd name"`
	Skip chan int             `msgpack:"-"`
}

type shapeInner struct {
	M map[int16][4]byte `msgpack:"m"`
}

type shapeArray struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 read by its tag
	B        string
	A        float32
}

// Types that contain themselves without a struct in between.
type (
	shapeSlices []shapeSlices
	shapeMaps   map[string]struct {
		M shapeMaps
		S shapeSlices
	}
)

func TestShape(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string
	}{
		{true, "bool"},
		{int8(1), "int"},
		{uint64(1), "int"},
		{float32(1), "float"},
		{"", "str"},
		{[]byte{}, "bin"},
		{[4]byte{}, "bin"},
		{[]string{}, "[str]"},
		{[]any{}, "[any]"},
		{map[string]string{}, "{str:str}"},
		{map[string]any{}, "{str:any}"},
		{map[uint8][]bool{}, "{int:[bool]}"},
		{time.Time{}, "time"},
		{Raw{}, "any"},
		{Ext{}, "ext"},
		{new(*int), "int"},
		{shapeTree{}, "(below=[^1] leaf=int)"},
		{shapeOuter{}, `(a=time "an odd name"=int m={int:bin} z={str:(below=[^1] leaf=int)})`},
		{shapeArray{}, "<str float>"},
		{make(chan int), "any"},
		{shapeSlices{}, "[any]"},
		{[][]shapeSlices{}, "[[[any]]]"},
		{shapeMaps{}, "{str:(M={str:^1} S=[any])}"},
	} {
		if got := Shape(reflect.TypeOf(test.v)); got != test.want {
			t.Errorf("the shape of a %T is %s, want %s", test.v, got, test.want)
		}
	}
}

// The hash is part of the protocol: FNV-1a of the shape, which other programs compute too.
func TestShapeHash(t *testing.T) {
	if got, want := ShapeHash(reflect.TypeFor[shapeTree]()), uint32(0x345e92d7); got != want {
		t.Errorf("the hash is %#x, want %#x", got, want)
	}
	if ShapeHash(reflect.TypeFor[int32]()) != ShapeHash(reflect.TypeFor[uint64]()) {
		t.Error("integers of two sizes have two hashes")
	}
	if ShapeHash(reflect.TypeFor[int32]()) == ShapeHash(reflect.TypeFor[string]()) {
		t.Error("int and str have one hash")
	}
}
