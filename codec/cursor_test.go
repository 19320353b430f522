package codec

import (
	"errors"
	"math"
	"reflect"
	"testing"
)

// An integer that does not fit is refused, or cut where the limits say so.
func TestIntegersThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		v    any // a pointer to what it is cut to
		fits bool
	}{
		{"\xcd\x01\x01", ptr(uint8(1)), false}, {"\xcc\xff", ptr(uint8(255)), true}, {"\xff", ptr(uint8(255)), false},
		{"\xce\x00\x01\x00\x01", ptr(uint16(1)), false}, {"\xcf\x00\x00\x00\x01\x00\x00\x00\x02", ptr(uint32(2)), false},
		{"\xff", ptr(uint64(math.MaxUint64)), false}, {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", ptr(uint(math.MaxUint)), false},
		{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", ptr(uint64(math.MaxUint64)), true},
		{"\xcc\x80", ptr(int8(-128)), false}, {"\xcc\x7f", ptr(int8(127)), true}, {"\xd0\x80", ptr(int8(-128)), true},
		{"\xd1\xff\x7f", ptr(int8(127)), false}, {"\xd1\x80\x00", ptr(int16(math.MinInt16)), true}, {"\xcd\x80\x00", ptr(int16(math.MinInt16)), false},
		{"\xd2\x80\x00\x00\x00", ptr(int32(math.MinInt32)), true}, {"\xce\x80\x00\x00\x00", ptr(int32(math.MinInt32)), false},
		{"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", ptr(int64(math.MinInt64)), false}, {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", ptr(int64(math.MinInt64)), true},
		{"\x05", ptr(level(5)), true}, {"\xcd\xff\xff", ptr(level(-1)), false}, {"\xcd\x01\x02", ptr(octet(2)), false},
	} {
		typ := reflect.TypeOf(c.v).Elem()
		holder := reflect.StructOf([]reflect.StructField{{Name: "N", Type: typ}})
		for _, in := range []struct {
			b string
			v reflect.Value
		}{
			{c.in, reflect.New(typ)}, {"\x81\xa1N" + c.in, reflect.New(holder)}, {"\x81\xa1k" + c.in, reflect.New(reflect.MapOf(reflect.TypeFor[string](), typ))},
			{"\x81" + c.in + "\x01", reflect.New(reflect.MapOf(typ, reflect.TypeFor[int]()))},
		} {
			var m Msgpack
			err := m.Decode([]byte(in.b), in.v.Interface())
			if c.fits != (err == nil) || err != nil && !errors.Is(err, ErrRange) {
				t.Errorf("%x into %v: %v", in.b, in.v.Type(), err)
			}
			cut := reflect.New(in.v.Type().Elem())
			m.Limits.CutIntegers = true
			if err := m.Decode([]byte(in.b), cut.Interface()); err != nil {
				t.Errorf("%x into %v, cut: %v", in.b, in.v.Type(), err)
			}
			if cut.Type().Elem() == typ && !reflect.DeepEqual(cut.Interface(), c.v) {
				t.Errorf("%x is cut to %v, want %v", in.b, cut.Elem(), reflect.ValueOf(c.v).Elem())
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestFloatsOfOtherWidths(t *testing.T) {
	var m Msgpack
	for _, c := range []struct {
		in   any
		want float32
		err  error
	}{
		{1.5, 1.5, nil}, {float32(1.5), 1.5, nil}, {0.1, 0.1, nil}, {1e300, 0, ErrRange}, {-1e39, 0, ErrRange}, {1e-300, 0, nil},
		{math.Inf(1), float32(math.Inf(1)), nil}, {3, 3, nil}, {-3, -3, nil}, {uint64(1 << 63), 1 << 63, nil}, {nil, 0, nil}, {"x", 0, ErrKind},
	} {
		b, err := m.Append(nil, map[string]any{"X": c.in})
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ X float32 }
		if err := m.Decode(b, &v); !errors.Is(err, c.err) || err == nil && v.X != c.want {
			t.Errorf("%T %v: %v, %v", c.in, c.in, v.X, err)
		}
	}
	for in, want := range map[string]float64{
		"\xcf\x80\x00\x00\x00\x00\x00\x00\x00": 1 << 63, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff": 1 << 64, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00": -1 << 63, "\xff": -1,
	} {
		var v []float64
		if err := m.Decode([]byte("\x91"+in), &v); err != nil || v[0] != want {
			t.Errorf("%x: %v, %v", in, v, err)
		}
	}
}
