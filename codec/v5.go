package codec

import (
	"bytes"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// sameAsV5 puts a plan to the test: msgpack/v5 must encode the zero value and a
// sample to the same bytes, and decode these to the same value. This finds types
// for which a program has registered functions of its own with v5, and would
// find a v5 that has changed its ways.
func sameAsV5(p *plan) (same bool) {
	defer func() {
		if recover() != nil { // v5 panics at what it cannot take
			same = false
		}
	}()
	for _, depth := range []int{0, 3} {
		v := reflect.New(p.typ)
		fill(v.Elem(), depth)
		ours, err := p.encode(nil, v.UnsafePointer(), 0)
		if err != nil {
			return false
		}
		var theirs bytes.Buffer
		e := msgpack.NewEncoder(&theirs)
		e.UseCompactInts(true)
		if e.EncodeValue(v.Elem()) != nil || !bytes.Equal(ours, theirs.Bytes()) {
			return false
		}
		got, want := reflect.New(p.typ), reflect.New(p.typ)
		c := cursor{b: ours}
		if !p.decode(&c, got.UnsafePointer()) || msgpack.NewDecoder(&theirs).Decode(want.Interface()) != nil ||
			!reflect.DeepEqual(got.Interface(), want.Interface()) {
			return false
		}
	}
	return true
}

// fill makes a sample of v, with something in every place down to a depth. No
// map has two entries: their order would be random.
func fill(v reflect.Value, depth int) {
	if depth == 0 || !v.CanSet() {
		return
	}
	switch {
	case v.CanInt():
		v.SetInt(-1)
	case v.CanUint():
		v.SetUint(200)
	case v.CanFloat():
		v.SetFloat(-1.5)
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("sample")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Array:
		for i := range min(v.Len(), 2) {
			fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth-1)
		fill(elem, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth-1)
		}
	}
}
