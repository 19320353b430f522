package codec

import (
	"errors"
	"io"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

type (
	Ident   struct{ ID int }
	Named   struct{ Name string }
	Stamp   struct{ At time.Time }
	private struct{ H int }
	count   int
	Count   int
	Deepest struct {
		*Ident
		D int
	}
	Generic[T any] struct{ V T }

	withPointer struct {
		*Stamp
		N int
	}
	withPointers struct {
		*Deepest
		*Named
		N int
	}
	shadowAfter struct {
		Ident
		ID string
	}
	shadowBefore struct {
		ID string
		Ident
	}
	shadowTagged struct {
		Ident
		X string `msgpack:"ID"`
	}
	shadowPointer struct {
		*Ident
		ID string
	}
	twins struct {
		Ident
		Generic[int]
		Other
	}
	Other struct {
		ID int
		V  string
	}
	hiddenValue struct {
		private
		N int
	}
	generic struct {
		Generic[string]
		N int
	}
	genericPointer struct {
		*Generic[map[string]int]
		N int
	}
	exportedKind struct {
		Count
		N int
	}
	notInlined struct {
		Ident  `msgpack:",noinline"`
		*Named `msgpack:"named,noinline"`
	}
	inlinedPointer struct {
		*Ident `msgpack:",inline"`
		N      int
	}
	locked struct {
		sync.Mutex
		N int
	}
	interned struct {
		A, B string `msgpack:",intern"`
		C    any    `msgpack:",intern"`
	}
	aliased struct {
		N int `msgpack:"n,alias:number"`
	}
	quoted struct {
		N int `msgpack:"'a,b'"`
	}
	manyEmbedded struct {
		Generic[int8]
		*Deepest
		A, B, C, E, F, G, H, I int
		Last                   *Ident
	}
)

// embeddings are values of structs in structs, in all the ways there are.
func embeddings() []any {
	deep := &Deepest{&Ident{1}, 2}
	return []any{
		&withPointer{N: 1}, &withPointer{&Stamp{time.Unix(5, 0)}, 1}, &withPointer{Stamp: new(Stamp)},
		&withPointers{}, &withPointers{deep, &Named{"n"}, 3}, &withPointers{Deepest: &Deepest{D: 4}}, &withPointers{Named: new(Named)},
		&shadowAfter{Ident{1}, "x"}, &shadowBefore{"x", Ident{1}}, &shadowTagged{Ident{1}, "x"},
		&shadowPointer{&Ident{1}, "x"}, &shadowPointer{nil, "x"}, &twins{Ident{1}, Generic[int]{2}, Other{3, "x"}},
		&hiddenValue{private{1}, 2}, &generic{Generic[string]{"v"}, 1}, &genericPointer{}, &genericPointer{&Generic[map[string]int]{map[string]int{"a": 1}}, 2},
		&exportedKind{5, 1}, &notInlined{Ident{1}, &Named{"n"}}, &notInlined{}, &inlinedPointer{&Ident{1}, 2}, &inlinedPointer{N: 2}, &locked{N: 1},
		&interned{"abcdef", "abcdef", "abcdef"}, &aliased{5}, &quoted{6},
		&manyEmbedded{Generic[int8]{1}, deep, 1, 2, 3, 4, 5, 6, 7, 8, &Ident{9}}, &manyEmbedded{A: 1},
		&[]withPointer{{N: 1}, {&Stamp{time.Unix(5, 0)}, 1}}, &map[string]withPointers{"a": {Deepest: deep}}, &[2]shadowAfter{{Ident{1}, "x"}},
		&struct{ P *[]*withPointers }{&[]*withPointers{nil, {}, {deep, nil, 1}}},
	}
}

// comesBack encodes what v points to, wants it to decode to the same, and returns what
// it was encoded as.
func comesBack(t *testing.T, m *Msgpack, v any) []byte {
	t.Helper()
	b, err := m.Append(nil, v)
	if err != nil {
		t.Errorf("%T: %v", v, err)
		return nil
	}
	got := reflect.New(reflect.TypeOf(v).Elem())
	if err := m.Decode(b, got.Interface()); err != nil || !reflect.DeepEqual(got.Interface(), v) {
		t.Errorf("%T: %q came back as %+v, %v", v, b, got.Elem(), err)
	}
	return b
}

func TestEmbeddedStructsBothWays(t *testing.T) {
	for _, v := range embeddings() {
		for range 2 { // with and without an address
			var m Msgpack
			b := comesBack(t, &m, v)
			value, err := m.Append(nil, reflect.ValueOf(v).Elem().Interface())
			if err != nil || len(value) != len(b) {
				t.Errorf("%T: %q, its value %q, %v", v, b, value, err)
			}
		}
	}
}

func TestNoNameComesTwice(t *testing.T) {
	for _, v := range embeddings() {
		var m Msgpack
		b, err := m.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		n, rest, err := ReadMapHeader(b)
		if err != nil {
			continue // no struct
		}
		seen := make(map[string]bool)
		for range n {
			var key []byte
			if key, rest, err = ReadText(rest); err != nil || seen[string(key)] {
				t.Errorf("%T: %q again, %v", v, key, err)
			}
			seen[string(key)] = true
			rest, _ = Skip(rest)
		}
	}
}

// Nil pointers that are embedded do not go out, and a decoder fills them for the
// fields that come in.
func TestEmbeddedPointersOnTheWire(t *testing.T) {
	var m Msgpack
	for _, c := range []struct {
		v    any
		want string
	}{
		{withPointer{N: 1}, "\x81\xa1N\x01"},
		{withPointers{Deepest: &Deepest{D: 4}, N: 1}, "\x82\xa1D\x04\xa1N\x01"},
		{shadowAfter{Ident{1}, "x"}, "\x82\xa5Ident\x81\xa2ID\x01\xa2ID\xa1x"},
		{interned{"abc", "abc", nil}, "\x83\xa1A\xa3abc\xa1B\xa3abc\xa1C\xc0"},
	} {
		if b, err := m.Append(nil, c.v); err != nil || string(b) != c.want {
			t.Errorf("%T: %q, %v; want %q", c.v, b, err, c.want)
		}
	}
	var v withPointers
	if err := m.Decode([]byte("\x83\xa2ID\x01\xa7Deepest\x81\xa1D\x02\xa4Name\xc0"), &v); err != nil ||
		v.Deepest == nil || v.ID != 1 || v.D != 2 || v.Named == nil {
		t.Errorf("%+v, %v", v, err)
	}
	var a aliased
	if err := m.Decode([]byte("\x81\xa6number\x05"), &a); err != nil || a.N != 5 {
		t.Errorf("%+v, %v", a, err)
	}
	type row struct {
		_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the library reads it by reflection
		*Ident
		N int
	}
	if b, err := m.Append(nil, row{Ident: &Ident{1}, N: 2}); err != nil || string(b) != "\x92\x01\x02" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := m.Append(nil, row{N: 2}); !errors.Is(err, errNoPointer) {
		t.Errorf("a nil pointer in an array: %v", err)
	}
}

// omitempty leaves out what a decoder puts in again by itself, and nothing else.
func TestOmitEmptyKeepsWhatIsNotZero(t *testing.T) {
	type option struct {
		Addr  netip.Addr      `msgpack:",omitempty"`
		Any   any             `msgpack:",omitempty"`
		At    time.Time       `msgpack:",omitempty"`
		Ptr   *time.Time      `msgpack:",omitempty"`
		Own   byMsgPtr        `msgpack:",omitempty"`
		Func  byFunc          `msgpack:",omitempty"`
		Raw   Raw             `msgpack:",omitempty"`
		Ext   Ext             `msgpack:",omitempty"`
		Plain struct{ X int } `msgpack:",omitempty"`
		Err   error           `msgpack:",omitempty"`
		Inner *Inner          `msgpack:",omitempty"`
		Arr   [1]int          `msgpack:",omitempty"`
		Bytes [2]byte         `msgpack:",omitempty"`
	}
	zero := 0
	for _, v := range []option{
		{}, {Addr: netip.MustParseAddr("10.0.0.1")}, {Addr: netip.IPv6Unspecified()}, {Any: int64(0)}, {Any: ""}, {Any: false}, {Any: []any{}},
		{At: time.Unix(0, 0)}, {Ptr: new(time.Time)}, {Own: byMsgPtr{1}}, {Func: byFunc{1}}, {Raw: Raw{0}},
		{Ext: Ext{1, []byte{1}}}, {Plain: struct{ X int }{1}}, {Err: errors.New("")}, {Inner: new(Inner)}, {Arr: [1]int{1}}, {Bytes: [2]byte{1}},
	} {
		var m Msgpack
		b, err := m.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		var got option
		if err := m.Decode(b, &got); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%+v: %q came back as %+v, %v", v, b, got, err)
		}
	}
	var m Msgpack
	for _, v := range []any{
		struct {
			P *int `msgpack:",omitempty"`
		}{&zero},
		struct {
			P *string `msgpack:",omitempty"`
		}{new(string)},
	} {
		if b, err := m.Append(nil, v); err != nil || b[0] != fixMap+1 {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
}

type (
	embedsTime struct {
		time.Time
		N int
	}
	embedsPointer struct{ *byCustom }
	embedsMsg     struct {
		byMsgPtr
		N int
	}
	embedsText struct {
		N int
		byText
	}
	embedsOne struct{ byMsgPtr }
	overrides struct {
		byMsgPtr //lint:ignore U1000 embedded for the methods that it brings
		N        int
	}
	overridesValue struct {
		byMarshal //lint:ignore U1000 embedded for the methods that it brings
		N         int64
	}
	overridesFirst struct { // with methods that come before those of what it embeds
		time.Time
		N int
	}
)

func (o *overridesFirst) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(int64(o.N)) }
func (o *overridesFirst) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	o.N, err = d.DecodeInt()
	return err
}

func (o *overrides) MarshalMsg(b []byte) ([]byte, error) { return AppendInt(b, int64(o.N)), nil }
func (o *overrides) UnmarshalMsg(b []byte) ([]byte, error) {
	n, rest, err := ReadInt(b)
	o.N = int(n)
	return rest, err
}

func (o overridesValue) MarshalMsgpack() ([]byte, error) { return AppendInt(nil, o.N), nil }
func (o *overridesValue) UnmarshalMsgpack(b []byte) (err error) {
	o.N, _, err = ReadInt(b)
	return err
}

// The methods of an embedded field do not stand for a struct that has more.
func TestPromotedMethods(t *testing.T) {
	var m Msgpack
	for _, v := range []any{new(embedsTime), new(embedsPointer), new(embedsMsg), new(embedsText), new([]embedsMsg), new(struct{ E *embedsTime }), &[1]*embedsMsg{{}}} {
		var e *TypeError
		if _, err := m.Append(nil, v); !errors.As(err, &e) {
			t.Errorf("Append of %T: %v", v, err)
		}
		if err := m.Decode([]byte{codeNil}, v); !errors.As(err, &e) {
			t.Errorf("Decode into %T: %v", v, err)
		}
		if err := CheckType(reflect.TypeOf(v)); !errors.As(err, &e) {
			t.Errorf("%T: %v", v, err)
		}
	}
	for _, v := range []any{embedsMsg{}, new(embedsMsg), new(embedsTime)} {
		var e *TypeError
		if _, err := m.Append(nil, v); !errors.As(err, &e) {
			t.Errorf("%T: %v", v, err)
		}
		if _, err := m.Append(nil, []any{v}); !errors.As(err, &e) {
			t.Errorf("%T in an any: %v", v, err)
		}
	}
	for _, v := range []any{&embedsOne{byMsgPtr{1}}, &overrides{N: 2}, &overridesValue{N: 3}, &[]overrides{{N: 4}}, &overridesFirst{N: 5}} {
		b, err := m.Append(nil, v)
		got := reflect.New(reflect.TypeOf(v).Elem())
		if err == nil {
			err = m.Decode(b, got.Interface())
		}
		if err != nil || !reflect.DeepEqual(got.Interface(), v) {
			t.Errorf("%T: %q, %v, %v", v, b, got.Elem(), err)
		}
	}
}

type itself struct {
	*itself //lint:ignore U1000 embedded to go on for ever
	N       int
}

type (
	loopA struct{ *LoopB }
	LoopB struct{ loopA }
	pipes struct {
		Orders map[string][]*struct{ Done chan int }
	}
	bad[T any] struct{ F T }
)

// A type that no payload can carry is refused both ways, with the place where
// the fault is, whatever the value.
func TestTypesThatNoPayloadCanCarry(t *testing.T) {
	for path, v := range map[string]any{
		"":                 new(chan int),
		".F":               bad[func()]{},
		".F[]":             &bad[[]complex64]{},
		".F[][]":           bad[map[string][3]complex128]{},
		".F.F":             bad[*bad[*uintptr]]{},
		".Orders[][].Done": &pipes{},
		".F[key]":          bad[map[struct{ X int }]int]{},
		".F[key] ":         bad[map[*int]int]{},
		".F[key]  ":        bad[map[[2]int]int]{},
		".F[key]   ":       bad[map[time.Time]int]{},
		".F[key].X":        bad[map[struct{ X chan int }]int]{},
		".F ":              bad[io.Reader]{},
		".F  ":             bad[ring]{},
		".count":           struct{ count }{},
		".private":         struct{ *private }{},
		".private ": struct {
			private `msgpack:",noinline"`
		}{},
		".itself":      itself{},
		".LoopB.loopA": loopA{},
		".B": struct {
			A int `msgpack:"x"`
			B int `msgpack:"x"`
		}{},
		".Ident": struct {
			ID    int
			Ident `msgpack:",inline"`
		}{},
		".A": struct {
			A int `msgpack:"\xff"`
		}{},
		".C": struct {
			C chan int
			R ring
		}{},
	} {
		path = strings.TrimSpace(path)
		var m Msgpack
		var e *TypeError
		if _, err := m.Append(nil, v); !errors.As(err, &e) || e.Path != path || e.Root != reflect.TypeOf(v) && reflect.TypeOf(v).Kind() != reflect.Pointer {
			t.Errorf("Append of %T: %v; want a fault at %q", v, err, path)
		}
		typ := reflect.TypeOf(v)
		if err := m.Decode([]byte{fixMap}, reflect.New(typ).Interface()); !errors.As(err, &e) || e.Path != path {
			t.Errorf("Decode into %T: %v; want a fault at %q", v, err, path)
		}
		if err := CheckType(typ); !errors.As(err, &e) || e.Path != path || e.Reason == "" {
			t.Errorf("CheckType of %T: %v", v, err)
		}
	}
	for _, v := range append(append(planned(), embeddings()...), shapes()[:16]...) {
		if err := CheckType(reflect.TypeOf(v)); err != nil {
			t.Error(err)
		}
	}
}

// Keys that are no text, but may be keys.
func TestKeysOfAllKinds(t *testing.T) {
	for _, v := range []any{
		&map[int]string{-1: "a", 300: "b"}, &map[uint8]bool{7: true}, &map[float64]int{1.5: 1}, &map[bool]int{true: 1, false: 2},
		&map[[4]byte]int{{1, 2}: 3}, &map[netip.Addr]int{netip.MustParseAddr("::1"): 4}, &map[byText]int{"x": 5}, &map[byFuncKind]int{6: 6},
		&map[any]int{"a": 1, int64(2): 2, nil: 3, true: 4}, &map[label]label{"a": "b"}, &map[time.Duration]int{time.Second: 1}, &map[byMsgKind]int{2: 2},
		&map[string]string{"\xff": "bin"}, &map[string]int{"\xff": 1}, &map[string]any{"\xff": nil}, &map[any]any{"\xff": nil},
	} {
		comesBack(t, new(Msgpack), v)
	}
	var m Msgpack
	if _, err := m.Append(nil, map[byExt]int{{1}: 1}); !errors.Is(err, ErrMapKey) {
		t.Errorf("an ext as a key: %v", err)
	}
}

type Big struct {
	N int
	X [65536]byte
}

// Decoding leaves no goroutine behind, as v5's cache of embedded values does.
func TestDecodingLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, v := range []any{new(withPointer), new(withPointers), new(struct{ *Big }), new(inlined)} {
		if err := new(Msgpack).Decode([]byte("\x83\xa1N\x05\xa1D\x01\xa1a\x01"), v); err != nil {
			t.Error(err)
		}
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines stay", n-before)
	}
}
