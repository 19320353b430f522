package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestDecodeAnyTypes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\xc0", "<nil> <nil>"},
		{"\xc3", "bool true"},
		{"\x05", "int64 5"},
		{"\xff", "int64 -1"},
		{"\xcc\x05", "int64 5"},
		{"\xd0\x05", "int64 5"},
		{"\xd1\xff\xff", "int64 -1"},
		{"\xce\xff\xff\xff\xff", "int64 4294967295"},
		{"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "int64 9223372036854775807"},
		{"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "uint64 9223372036854775808"},
		{"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "int64 -9223372036854775808"},
		{"\xca\x3f\xc0\x00\x00", "float64 1.5"},
		{"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "float64 1.5"},
		{"\xa1a", "string a"},
		{"\xc4\x01a", "[]uint8 [97]"},
		{"\xc4\x00", "[]uint8 []"},
		{"\x90", "[]interface {} []"},
		{"\x92\x01\xa1a", "[]interface {} [1 a]"},
		{"\x80", "map[string]interface {} map[]"},
		{"\x81\xa1a\x01", "map[string]interface {} map[a:1]"},
		{"\x82\xa1a\x01\xc4\x01b\x02", "map[string]interface {} map[a:1 b:2]"},
		{"\x82\xa1a\x01\xa1a\x02", "map[string]interface {} map[a:2]"},
		{"\x82\xa1a\x01\xc4\x01a\x02", "map[string]interface {} map[a:2]"},
		{"\x81\x01\x02", "map[interface {}]interface {} map[1:2]"},
		{"\x81\xc0\x02", "map[interface {}]interface {} map[<nil>:2]"},
		{"\x82\xc4\x01a\x01\x05\x02", "map[interface {}]interface {} map[a:1 5:2]"},
		{"\x82\x05\x01\xc4\x01a\x02", "map[interface {}]interface {} map[a:2 5:1]"},
		{"\xd4\x05a", "codec.Ext {5 [97]}"},
		{"\xc7\x00\x05", "codec.Ext {5 []}"},
	} {
		var m Msgpack
		v, err := m.DecodeAny([]byte(c.in))
		if got := fmt.Sprintf("%T %v", v, v); err != nil || got != c.want {
			t.Errorf("%x: %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestDecodeAnyTime(t *testing.T) {
	var m Msgpack
	for _, want := range []time.Time{
		time.Unix(1, 0), time.Unix(1<<32, 0), time.Unix(1, 999999999), time.Unix(1<<33+5, 7), time.Unix(-1, 5), time.Unix(1<<34, 1), {},
	} {
		b, err := m.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.DecodeAny(b)
		if err != nil || !equal(got, want) {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
		var typed time.Time
		if err := m.Decode(b, &typed); err != nil || !typed.Equal(want) {
			t.Errorf("%v came back typed as %v, %v", want, typed, err)
		}
	}
}

func TestDecodeAnySharesNothing(t *testing.T) {
	b := []byte("\x94\xa1a\xc4\x01a\xd4\x01a\x81\xa1a\xc4\x01a")
	var m Msgpack
	v, err := m.DecodeAny(b)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := m.DecodeAny(bytes.Clone(b))
	for i := range b {
		b[i] = 'z'
	}
	if !equal(v, want) {
		t.Errorf("%v changed with the input", v)
	}
}

// v5 must not be able to tell Append's own encoder from its own.
func TestAppendAsV5(t *testing.T) {
	for _, v := range []any{
		nil, true, 0, -1, 300, int8(-128), int16(-129), int32(-40000), int64(math.MinInt64), uint(5), uint8(200), uint16(300),
		uint32(1 << 31), uint64(math.MaxUint64), 1.5, "", "text", []byte(nil), []byte{}, []byte("bytes"),
		[]any(nil), []any{}, []any{1, "a", nil, []any{-5}}, map[string]any(nil), map[string]any{"a": map[string]any{"b": 1}},
		map[any]any(nil), map[any]any{1: "a"}, time.Unix(1, 2), time.Second,
		samplePlayer(), []string{"a"}, map[string]int{"a": 300}, [2]uint16{1, 300}, Ext{1, []byte("abc")}, Raw("\x91\x01"),
	} {
		var m Msgpack
		got, err := m.Append(nil, v)
		if want := compact(v); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%T %v: %x, %v; v5: %x", v, v, got, err, want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	loop := []any{nil}
	loop[0] = loop
	ring := map[string]any{}
	ring["a"] = ring
	mixed := map[any]any{}
	mixed[1] = mixed
	type node struct{ Next *node }
	self := &node{}
	self.Next = self
	type list []list
	selves := list{nil}
	selves[0] = selves
	wide := make(list, 60000)
	wide[0] = wide

	for _, c := range []struct {
		name string
		v    any
		err  error
	}{
		{"text", "\xff", ErrUTF8},
		{"text in a list", []any{1, "\xff"}, ErrUTF8},
		{"text in a struct", player{Name: "\xff"}, ErrUTF8},
		{"map key", map[any]any{[1]int{1}: 1}, ErrMapKey},
		{"time as key", map[any]any{time.Unix(1, 0): 1}, ErrMapKey},
		{"struct as key", map[player]int{{}: 1}, ErrMapKey},
		{"ext type", Ext{-2, nil}, ErrExt},
		{"timestamp size", Ext{-1, nil}, ErrExt},
		{"no raw", Raw{}, ErrEmpty},
		{"raw", Raw{0x91}, ErrTruncated},
		{"two raws", Raw{1, 1}, ErrTrailing},
		{"raw in a struct", struct{ R Raw }{Raw{0xc1}}, ErrReserved},
		{"list in itself", loop, ErrDepth},
		{"map in itself", ring, ErrDepth},
		{"mixed map in itself", mixed, ErrDepth},
		{"struct in itself", self, ErrDepth},
		{"type in itself", selves, ErrDepth},
		{"wide type in itself", wide, ErrDepth},
		{"channel", make(chan int), nil},
		{"function in a list", []any{func() {}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Msgpack
			dst := append(make([]byte, 0, 100), "before"...)
			got, err := m.Append(dst, c.v)
			var e *CodecError
			if !errors.As(err, &e) || e.Op != "encode" || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("error %v", err)
			}
			if string(got) != "before" {
				t.Errorf("dst came back as %q", got)
			}
			if got, err := m.Append(dst, samplePlayer()); err != nil || !bytes.Equal(got[6:], compact(samplePlayer())) {
				t.Errorf("afterwards: %x, %v", got, err)
			}
		})
	}
}

func TestAppendDepth(t *testing.T) {
	var m Msgpack
	var v any
	for range maxDepth {
		v = []any{v}
	}
	b, err := m.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	m.Limits.Depth = maxDepth
	if back, err := m.DecodeAny(b); err != nil || !equal(back, v) {
		t.Error(err)
	}
	if _, err := m.Append(nil, []any{v}); !errors.Is(err, ErrDepth) {
		t.Error(err)
	}
}

// Whatever DecodeAny makes encodes again, to the same value.
func FuzzRoundTrip(f *testing.F) {
	for _, b := range corpus() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Msgpack
		v, err := m.DecodeAny(b)
		if err != nil {
			return
		}
		m.Limits = Limits{Depth: maxDepth, Elements: math.MaxInt, Budget: math.MaxInt} // a float of 32 bits comes back with 64
		again, err := m.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := m.DecodeAny(again)
		if err != nil || !equal(back, v) {
			t.Fatalf("%.200v came back as %.200v, %v", v, back, err)
		}
		var x any
		if err := m.Decode(again, &x); err != nil || !equal(x, v) {
			t.Fatalf("%.200v came back by Decode as %.200v, %v", v, x, err)
		}
		var held struct{ R Raw }
		b, err = m.Append(nil, struct{ R Raw }{again})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Decode(b, &held); err != nil || !bytes.Equal(held.R, again) && again[0] != codeNil {
			t.Fatalf("%.60x as Raw came back as %.60x, %v", again, held.R, err)
		}
	})
}
