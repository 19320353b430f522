package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that encode and decode themselves, one for each way.
type (
	byMsgPtr   struct{ n int64 } // methods of the pointer
	byMsgKind  uint8             // no struct
	byMsgList  []int             // may be nil
	byCustom   struct{ n int64 }
	byMarshal  struct{ n int64 }
	byBinary   struct{ n byte }
	byText     string
	byFunc     struct{ n int64 } // registered with v5
	byFuncKind int
	byExt      struct{ n int64 } // registered as an ext, whose body is msgpack
	byExtPtr   struct{ n int64 } // registered as an ext by its pointer
	byFuncList []string          // a list that is registered
	byMsgFirst struct{ n int64 } // methods that come first, and others
	byPointer  [2]byte           // the first of its methods is one of the pointer
	byPointer2 struct{ n byte }
)

func (v *byMsgFirst) MarshalMsg(b []byte) ([]byte, error) { return AppendInt(b, v.n), nil }
func (v *byMsgFirst) UnmarshalMsg(b []byte) (rest []byte, err error) {
	v.n, rest, err = ReadInt(b)
	return rest, err
}
func (v byMsgFirst) MarshalText() ([]byte, error)  { return []byte("text"), nil }
func (v *byMsgFirst) UnmarshalText(b []byte) error { return errors.New("text is for others") }

func (v *byPointer) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeBytes(v[:]) }
func (v *byPointer) DecodeMsgpack(d *msgpack.Decoder) error {
	b, err := d.DecodeBytes()
	copy(v[:], b)
	return err
}
func (v byPointer) MarshalText() ([]byte, error)  { return []byte("text"), nil }
func (v *byPointer) UnmarshalText(b []byte) error { return errors.New("text is for others") }

func (v *byPointer2) MarshalBinary() ([]byte, error) { return []byte{v.n}, nil }
func (v *byPointer2) UnmarshalBinary(b []byte) error {
	if len(b) > 0 {
		v.n = b[0]
	}
	return nil
}
func (v byPointer2) MarshalText() ([]byte, error) { return []byte("text"), nil }

func (v *byMsgPtr) MarshalMsg(b []byte) ([]byte, error) { return AppendInt(b, v.n), nil }
func (v *byMsgPtr) UnmarshalMsg(b []byte) (rest []byte, err error) {
	v.n, rest, err = ReadInt(b)
	return rest, err
}

func (v *byMsgKind) MarshalMsg(b []byte) ([]byte, error) {
	return AppendString(b, string(rune('a'+*v))), nil
}
func (v *byMsgKind) UnmarshalMsg(b []byte) ([]byte, error) {
	s, rest, err := ReadText(b)
	if err == nil && len(s) > 0 {
		*v = byMsgKind(s[0] - 'a')
	}
	return rest, err
}

func (v byMsgList) MarshalMsg(b []byte) ([]byte, error) { return AppendInt(b, int64(len(v))), nil }
func (v *byMsgList) UnmarshalMsg(b []byte) ([]byte, error) {
	n, rest, err := ReadInt(b)
	*v = make(byMsgList, n&0xff)
	return rest, err
}

func (v *byCustom) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(v.n) }
func (v *byCustom) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	v.n, err = d.DecodeInt64()
	return err
}

func (v byMarshal) MarshalMsgpack() ([]byte, error) { return AppendInt(nil, v.n), nil }
func (v *byMarshal) UnmarshalMsgpack(b []byte) (err error) {
	v.n, _, err = ReadInt(b)
	return err
}

func (v byBinary) MarshalBinary() ([]byte, error) { return []byte{v.n}, nil }
func (v *byBinary) UnmarshalBinary(b []byte) error {
	if len(b) > 0 {
		v.n = b[0]
	}
	return nil
}

func (v byText) MarshalText() ([]byte, error) { return append([]byte("text "), v...), nil }
func (v *byText) UnmarshalText(b []byte) error {
	*v = byText(bytes.TrimPrefix(b, []byte("text ")))
	return nil
}

// registerTypes registers types with v5, for which there is one register in a
// process.
func registerTypes() {
	msgpack.Register(byFunc{},
		func(e *msgpack.Encoder, v reflect.Value) error { return e.EncodeInt(v.Field(0).Int()) },
		func(d *msgpack.Decoder, v reflect.Value) error {
			n, err := d.DecodeInt64()
			v.Set(reflect.ValueOf(byFunc{n}))
			return err
		})
	msgpack.Register(byFuncKind(0),
		func(e *msgpack.Encoder, v reflect.Value) error { return e.EncodeString(fmt.Sprint(v.Int())) },
		func(d *msgpack.Decoder, v reflect.Value) error {
			s, err := d.DecodeString()
			var n int64
			fmt.Sscan(s, &n)
			v.SetInt(n)
			return err
		})
	msgpack.Register(byFuncList{},
		func(e *msgpack.Encoder, v reflect.Value) error { return e.EncodeInt(int64(v.Len())) },
		func(d *msgpack.Decoder, v reflect.Value) error {
			n, err := d.DecodeInt()
			v.Set(reflect.ValueOf(make(byFuncList, n&0xff)))
			return err
		})
	msgpack.RegisterExtEncoder(71, byExt{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		return AppendInt(nil, v.Interface().(byExt).n), nil
	})
	msgpack.RegisterExtDecoder(71, byExt{}, func(d *msgpack.Decoder, v reflect.Value, _ int) error {
		n, err := d.DecodeInt64()
		v.Set(reflect.ValueOf(byExt{n}))
		return err
	})
	msgpack.RegisterExtEncoder(72, (*byExtPtr)(nil), func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		return AppendInt(nil, v.Interface().(*byExtPtr).n), nil
	})
	msgpack.RegisterExtDecoder(72, (*byExtPtr)(nil), func(d *msgpack.Decoder, v reflect.Value, _ int) (err error) {
		v.Interface().(*byExtPtr).n, err = d.DecodeInt64()
		return err
	})
	msgpack.RegisterExtDecoder(73, (*largeExt)(nil), func(d *msgpack.Decoder, _ reflect.Value, _ int) error { return d.Skip() })
}

func TestMain(m *testing.M) {
	registerTypes()
	m.Run()
}

// selfEncoding is a value of each type with code of its own, and what it is on
// the wire.
func selfEncoding() map[string]any {
	addr := netip.MustParseAddr("10.0.0.1")
	return map[string]any{
		"\x07":                          byMsgPtr{7},
		"\xa1c":                         byMsgKind(2),
		"\x03":                          make(byMsgList, 3),
		"\x05":                          byCustom{5},
		"\x06":                          byMarshal{6},
		"\xc4\x01\x09":                  byBinary{9},
		"\xc4\x06text x":                byText("x"),
		"\x04":                          byFunc{4},
		"\xa211":                        byFuncKind(11),
		"\x0a":                          byMsgFirst{10},
		"\xc4\x02ab":                    byPointer{'a', 'b'},
		"\xc4\x01\x0b":                  byPointer2{11},
		"\x02":                          make(byFuncList, 2),
		"\xd4\x47\x08":                  byExt{8},
		"\xd4\x48\x08":                  byExtPtr{8},
		"\xd6\xff\x00\x00\x00\x05":      time.Unix(5, 0),
		"\xc4\x04\x0a\x00\x00\x01":      addr,
		"\xc4\x0312\x33":                *big.NewInt(123),
		"\xc4\x08http://a":              url.URL{Scheme: "http", Host: "a"},
		"\x92\x01\x02":                  Raw("\x92\x01\x02"),
		"\x91\x03":                      msgpack.RawMessage("\x91\x03"),
		"\xd5\x09ab":                    Ext{9, []byte("ab")},
		"\xca\x3f\xc0\x00\x00":          float32(1.5),
		"\x81\xa1k\x07":                 map[string]any{"k": &byMsgPtr{7}},
		"\x91\xa1b":                     []any{byMsgKind(1)},
		"\x81\x01\x07":                  map[any]any{1: byMsgPtr{7}},
		"\x81\xa1N\x01":                 struct{ N any }{int8(1)},
		"\x92\xa1a\xa1b":                []byMsgKind{0, 1}, // and no bytes
		"\x81\xa1V\xca\x3f\xc0\x00\x00": struct{ V any }{float32(1.5)},
		"\x81\xa1E\xa2no":               struct{ E error }{errors.New("no")},
		"\xa4none":                      errors.New("none"),
		"\xa7a: none":                   fmt.Errorf("a: %w", errors.New("none")),
		"\x93\x07\x06\xc4\x06text x":    []any{&byMsgPtr{7}, &byMarshal{6}, byText("x")},
		"\x82\xa1a\xc4\x01\x01\xa1b\xc4\x01\x02": struct {
			A byBinary  `msgpack:"a"`
			B *byBinary `msgpack:"b"`
		}{byBinary{1}, &byBinary{2}},
	}
}

// holders are values that hold x, with what is around x on the wire. Those that
// have x by its static type can be decoded again.
func holders(x any) map[string]struct {
	v    any
	form string
} {
	typ := reflect.TypeOf(x)
	val := reflect.ValueOf(x)
	ptr := reflect.New(typ)
	ptr.Elem().Set(val)
	ptrptr := reflect.New(ptr.Type())
	ptrptr.Elem().Set(ptr)
	slice := reflect.MakeSlice(reflect.SliceOf(typ), 1, 1)
	slice.Index(0).Set(val)
	ptrs := reflect.MakeSlice(reflect.SliceOf(ptr.Type()), 1, 1)
	ptrs.Index(0).Set(ptr)
	array := reflect.New(reflect.ArrayOf(1, typ)).Elem()
	array.Index(0).Set(val)
	dict := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), typ))
	dict.SetMapIndex(reflect.ValueOf("k"), val)
	field := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "F", Type: typ}})).Elem()
	field.Field(0).Set(val)
	deep := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.SliceOf(slice.Type())}})).Elem()
	deep.Field(0).Set(reflect.Append(deep.Field(0), slice))
	var boxed any = x
	return map[string]struct {
		v    any
		form string
	}{
		"itself":             {x, "%s"},
		"pointer":            {ptr.Interface(), "%s"},
		"pointer to pointer": {ptrptr.Interface(), "%s"},
		"pointer to any":     {&boxed, "%s"},
		"list":               {slice.Interface(), "\x91%s"},
		"list of pointers":   {ptrs.Interface(), "\x91%s"},
		"pointer to list":    {&[]any{x}, "\x91%s"},
		"array":              {array.Interface(), "\x91%s"},
		"map":                {dict.Interface(), "\x81\xa1k%s"},
		"any":                {[]any{x}, "\x91%s"},
		"pointer in any":     {[]any{ptr.Interface()}, "\x91%s"},
		"any in a map":       {map[string]any{"k": x}, "\x81\xa1k%s"},
		"field":              {field.Interface(), "\x81\xa1F%s"},
		"field of a pointer": {field.Addr().Interface(), "\x81\xa1F%s"},
		"two lists down":     {deep.Interface(), "\x81\xa1F\x91\x91%s"},
		"any field":          {struct{ F any }{x}, "\x81\xa1F%s"},
		"mixed map":          {map[any]any{1: ptr.Interface()}, "\x81\x01%s"},
	}
}

// A value has one form, whoever holds it, and what holds it by its type reads it
// again.
func TestOneFormWhoeverHoldsIt(t *testing.T) {
	for wire, x := range selfEncoding() {
		for name, h := range holders(x) {
			var m Msgpack
			b, err := m.Append([]byte("before"), h.v)
			if want := "before" + fmt.Sprintf(h.form, wire); err != nil || string(b) != want {
				t.Errorf("%T, %s: %q, %v; want %q", x, name, b, err, want)
				continue
			}
			if _, ok := x.(error); ok {
				continue // whoever gets it does not know more than its text
			}
			got := reflect.New(reflect.TypeOf(h.v))
			if err := m.Decode(b[len("before"):], got.Interface()); err != nil {
				t.Errorf("%T, %s: %v", x, name, err)
				continue
			}
			again, err := m.Append([]byte("before"), got.Interface())
			x1, _ := m.DecodeAny(b[len("before"):])
			x2, _ := m.DecodeAny(again[len("before"):])
			if err != nil || !equal(x1, x2) { // but for the order of a map that was a struct, and the width of a float
				t.Errorf("%T, %s: %q came back as %q, %v", x, name, b, again, err)
			}
		}
	}
}

// Types that encode themselves and have nothing to decode themselves.
type (
	sentMsg    struct{ N int }
	sentCustom struct{ N int }
	sentBinary struct{ N int }
	sentText   int
	sentFunc   struct{ N int }
)

func (sentMsg) MarshalMsg(b []byte) ([]byte, error)        { return append(b, "\x81\xa1n\x01"...), nil }
func (*sentCustom) EncodeMsgpack(e *msgpack.Encoder) error { return e.Encode(map[string]int{"n": 1}) }
func (*sentBinary) MarshalBinary() ([]byte, error)         { return []byte("x"), nil }
func (sentText) MarshalText() ([]byte, error)              { return []byte("x"), nil }
func encodeSentFunc(e *msgpack.Encoder, _ reflect.Value) error {
	return e.Encode(map[string]int{"n": 1})
}

func TestWhatOnlyEncodesItselfIsRefusedByDecode(t *testing.T) {
	msgpack.Register(sentFunc{}, encodeSentFunc, nil)
	for _, x := range []any{sentMsg{}, sentCustom{}, sentBinary{}, sentText(0), sentFunc{}} {
		for name, h := range holders(x) {
			var m Msgpack
			b, err := m.Append(nil, h.v)
			if err != nil {
				t.Errorf("%T, %s: %v", x, name, err)
			}
			if name == "pointer to any" || name == "any" || name == "pointer in any" || name == "any in a map" ||
				name == "any field" || name == "mixed map" || name == "pointer to list" {
				continue // the other side does not know the type
			}
			var e *CodecError
			if err := m.Decode(b, reflect.New(reflect.TypeOf(h.v)).Interface()); !errors.As(err, &e) || !errors.Is(err, errOneWay) {
				t.Errorf("%T, %s: decoded, %v", x, name, err)
			}
		}
	}
}

// What is registered with v5 is found wherever it lies; v5 itself shows what is
// to come out.
func TestRegisteredTypesAtAnyDepth(t *testing.T) {
	type line struct{ Price byFunc }
	type bill struct {
		Lines map[string][]line
		Rate  byFuncKind
		Tags  byFuncList
		Owner *byExtPtr
	}
	type bills struct {
		All [1][]*bill
		*Inner
	}
	v := &bills{[1][]*bill{{{
		Lines: map[string][]line{"a": {{byFunc{5}}}}, Rate: 3, Tags: byFuncList{"x"}, Owner: &byExtPtr{4},
	}}}, &Inner{X: 1, Y: "y"}}
	var m Msgpack
	b, err := m.Append(nil, v)
	if err != nil || !bytes.Equal(b, compact(v)) {
		t.Fatalf("%q, %v; v5 has %q", b, err, compact(v))
	}
	got := new(bills)
	if err := m.Decode(b, got); err != nil {
		t.Fatal(err)
	}
	v.All[0][0].Tags = byFuncList{""}
	if !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v", got.All[0][0])
	}
	// An any gets what is registered for its ext.
	var boxed struct{ A, B any }
	if err := m.Decode([]byte("\x82\xa1A\xd4\x47\x08\xa1B\xd4\x48\x09"), &boxed); err != nil ||
		boxed.A != (byExt{8}) || !reflect.DeepEqual(boxed.B, &byExtPtr{9}) {
		t.Errorf("%T %v, %T %v, %v", boxed.A, boxed.A, boxed.B, boxed.B, err)
	}
}

// A buffer is a Marshaler that does not append.
type buffer struct {
	out  []byte
	over bool // it overwrites what it gets
}

func (b *buffer) MarshalMsg(dst []byte) ([]byte, error) {
	if b.over {
		return append(dst[:0], b.out...), nil
	}
	return b.out, nil
}

// Whatever buffer a MarshalMsg returns, what was appended before stays.
func TestMarshalersCannotTouchWhatIsThere(t *testing.T) {
	long := AppendString(nil, string(bytes.Repeat([]byte("x"), 300)))
	for _, room := range []int{0, 10, 1000} {
		for _, v := range []*buffer{{out: []byte{7}}, {out: long}, {[]byte{7}, true}, {long, true}} {
			for _, holder := range []any{v, []any{v}, []*buffer{v}, struct{ A *buffer }{v}} {
				var m Msgpack
				dst := append(make([]byte, 0, 6+room), "before"...)
				want, err := m.Append(nil, holder)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Append(dst, holder)
				if err != nil || string(got) != "before"+string(want) || string(dst) != "before" || !bytes.HasSuffix(want, v.out) {
					t.Errorf("%T with room for %d: %.20q, %v", holder, room, got, err)
				}
			}
		}
	}
}
