package codec

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Types whose ext has a body that they read by a decoder's own methods.
type (
	extStruct struct {
		Name string
		Tags []string
		Any  any
	}
	extRaw    struct{ b []byte }
	extGreedy struct{ v any }
)

func registerExts() {
	msgpack.RegisterExtEncoder(81, extStruct{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		x := v.Interface().(extStruct)
		return msgpack.Marshal([]any{x.Name, x.Tags, x.Any})
	})
	msgpack.RegisterExtDecoder(81, extStruct{}, func(d *msgpack.Decoder, v reflect.Value, _ int) error {
		var x extStruct
		if _, err := d.DecodeArrayLen(); err != nil {
			return err
		}
		if err := d.DecodeMulti(&x.Name, &x.Tags, &x.Any); err != nil {
			return err
		}
		v.Set(reflect.ValueOf(x))
		return nil
	})
	msgpack.RegisterExtEncoder(82, extRaw{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		return v.Interface().(extRaw).b, nil
	})
	msgpack.RegisterExtDecoder(82, extRaw{}, func(d *msgpack.Decoder, v reflect.Value, n int) error {
		b := make([]byte, n)
		err := d.ReadFull(b)
		v.Set(reflect.ValueOf(extRaw{b}))
		return err
	})
	msgpack.RegisterExtDecoder(83, extGreedy{}, func(d *msgpack.Decoder, v reflect.Value, _ int) (err error) {
		x := extGreedy{}
		x.v, err = d.DecodeInterface()
		v.Set(reflect.ValueOf(x))
		return err
	})
}

func TestExtBodiesAreReadByTheirTypes(t *testing.T) {
	registerExts()
	var m Msgpack
	type page struct {
		S  extStruct
		L  []extStruct
		P  *extStruct
		R  extRaw
		A  any
		M  map[string]any
		T  []extRaw
		To string
	}
	x := extStruct{"name", []string{"a", "b"}, map[string]any{"k": int64(1)}}
	for _, raw := range []string{"", "\xdd\xff\xff\xff\xff", "\xc1", "plain text, of some length"} {
		in := page{x, []extStruct{x, {Any: "a"}}, &x, extRaw{[]byte(raw)}, x, map[string]any{"x": x}, []extRaw{{[]byte(raw)}, {[]byte("b")}}, "end"}
		b, err := m.Append(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		var got page
		if err := m.Decode(b, &got); err != nil || !reflect.DeepEqual(got, in) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// What an ext's type reads as msgpack must be within the limits as all else.
func TestExtBodiesCannotKill(t *testing.T) {
	registerExts()
	for name, body := range bombs() {
		if len(body) > 1<<16 {
			body = body[:1<<16]
		}
		var m Msgpack
		b, err := Ext{83, body}.appendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []struct {
			b []byte
			v any
		}{{b, new(extGreedy)}, {append([]byte("\x81\xa1A"), b...), new(struct{ A any })}, {append([]byte("\x91"), b...), new([]extGreedy)}} {
			var err error
			took := allocated(func() { err = m.Decode(in.b, in.v) })
			var e *CodecError
			if took > 16<<20 || err != nil && !errors.As(err, &e) || err == nil && !strings.Contains(name, "key") {
				t.Errorf("%s into %T: %d bytes, %v", name, in.v, took, err)
			}
		}
	}
}
