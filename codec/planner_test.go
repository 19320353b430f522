package codec

import (
	"bytes"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

type (
	loud       struct{ N int }
	texted     struct{ N int }
	zeroed     int
	registered struct{ N int }
	ring       *ring
	base       struct{ N int }
)

func (*loud) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString("loud") }
func (texted) MarshalText() ([]byte, error)          { return []byte("text"), nil }
func (zeroed) IsZero() bool                          { return true }

// What v5 treats in a way of its own is left to it, and comes out as v5 alone
// has it.
func TestTypesWithoutPlan(t *testing.T) {
	msgpack.Register(registered{},
		func(e *msgpack.Encoder, v reflect.Value) error { return e.EncodeInt(v.Field(0).Int()) },
		func(d *msgpack.Decoder, v reflect.Value) error { return errors.New("never") })
	for _, v := range []any{
		new(struct{ A any }), new(struct{ T time.Time }), new(struct{ R Raw }), new(struct{ R msgpack.RawMessage }),
		new(struct{ E Ext }), new(struct{ E error }), new(struct{ L *loud }), new(struct{ L []loud }),
		new(struct{ M map[string]loud }), new(struct{ T texted }), new(struct{ I *big.Int }), new(struct{ M map[texted]int }),
		new(struct{ M map[int]string }), new(struct{ P **int }), new(ring), new([3]octet),
		new(struct {
			Z zeroed `msgpack:",omitempty"`
		}),
		new(struct {
			S string `msgpack:",intern"`
		}),
		new(struct {
			S string `msgpack:"s,alias:t"`
		}),
		new(struct {
			S string `msgpack:"'s'"`
		}),
		new(struct {
			S string `msgpack:"\xff"`
		}),
		new(struct{ base }), new(struct{ *Inner }),
		new(struct {
			Inner
			X int
		}),
		new(struct {
			A int `msgpack:"b"`
			B int `msgpack:"b"`
		}),
		new(struct{ R registered }), new(registered),
	} {
		if k := new(coders).of(v); k.encode != nil || k.decode != nil {
			t.Errorf("%T has a plan", v)
		}
	}
	for _, v := range []any{new(complex64), new(chan int), new(func()), new(uintptr), new(struct{ U uintptr })} {
		if k := new(coders).of(v); k.encode != nil || k.decode != nil {
			t.Errorf("%T has a plan", v)
		}
	}
	var m Msgpack
	if b, err := m.Append(nil, &struct{ R registered }{registered{5}}); err != nil || string(b) != "\x81\xa1R\x05" {
		t.Errorf("registered with v5: %x, %v", b, err)
	}
}

// Types with methods of tinylib/msgp use them, each way on its own.
func TestMethodsComeBeforePlans(t *testing.T) {
	if k := new(coders).of(new(fast)); k.encode != nil || k.decode != nil {
		t.Error("fast has a plan")
	}
	if k := new(coders).of(fast{}); k.encode != nil {
		t.Error("fast has a plan where it is no pointer")
	}
}

func TestPlansOfValuesWithoutAddress(t *testing.T) {
	var m Msgpack
	n := 5
	for _, v := range []any{
		samplePlayer(), pair{A: 1, B: "b", C: &pair{}}, struct{ P *int }{&n}, struct{ M map[string]int }{}, [1]*int{&n},
		[4]byte{1, 2, 3, 4}, [][2]byte{{1, 2}}, map[string][2]byte{"a": {1, 2}}, []string{"a"}, map[string]string{"a": "b"},
		struct{ S []string }{[]string{"a"}}, struct{ A [3]byte }{}, []player(nil), (*player)(nil), map[string]*int{"a": &n},
		time.Second, label("x"), []octet{1}, map[label][]string{"a": {"b"}}, map[string]map[string]string{"a": {"b": "c"}},
		struct{ B [40]byte }{}, [300]byte{}, struct{ outer }{}, outer{Deeper: Deeper{Inner: Inner{X: 1}}},
	} {
		if b, err := m.Append(nil, v); err != nil || !bytes.Equal(b, compact(v)) {
			t.Errorf("%T: %x, %v, want %x", v, b, err, compact(v))
		}
	}
}

// What a plan appends is as sound as what passed a walk.
func TestPlansRefuse(t *testing.T) {
	bad := "\xff"
	circle := &tree{}
	circle.Left = circle
	deep := &tree{}
	for range maxDepth - 1 {
		deep = &tree{Left: deep}
	}
	nested := any(deep)
	var m Msgpack
	if _, err := m.Append(nil, nested); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	for _, c := range []struct {
		v    any
		want error
	}{
		{&tree{Name: bad}, ErrUTF8}, {[]string{bad}, ErrUTF8}, {map[string]string{bad: ""}, ErrUTF8},
		{map[string]string{"": bad}, ErrUTF8}, {map[string]tree{bad: {}}, ErrUTF8}, {map[label]level{label(bad): 1}, ErrUTF8},
		{circle, ErrDepth}, {&tree{Left: deep}, ErrDepth}, {[]any{nested}, ErrDepth}, {map[string]any{"a": nested}, ErrDepth},
		{[]*tree{deep}, ErrDepth}, {map[string]*tree{"": deep}, ErrDepth},
		{[]any{struct{ A any }{deep}}, ErrDepth}, // by v5, at a depth
		{[]any{struct{ A any }{deep.Left}}, ErrDepth},
	} {
		got, err := m.Append([]byte("before"), c.v)
		var e *CodecError
		if !errors.As(err, &e) || !errors.Is(err, c.want) || e.Op != "encode" || string(got) != "before" {
			t.Errorf("%T: %v, want %v", c.v, err, c.want)
		}
	}
	if b, err := m.Append(nil, []any{struct{ A any }{deep.Left.Left}}); err != nil || len(b) == 0 {
		t.Errorf("as deep as it goes: %v", err)
	}
}

func TestPlanErrorsSayWhere(t *testing.T) {
	var m Msgpack
	err := m.Decode([]byte("\x82\xa3seq\x01\xa4body\x02"), new(parcel))
	var e *CodecError
	if !errors.As(err, &e) || !errors.Is(err, ErrKind) || !strings.Contains(err.Error(), "byte 11") {
		t.Error(err)
	}
}

func TestPlansAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var m Msgpack
	in := compact(&parcel{Seq: 70000, TS: 1 << 60, Body: bytes.Repeat([]byte{1}, 36)})
	p := new(parcel)
	var v any = p
	if err := m.Decode(in, v); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { *p = parcel{Body: p.Body[:0]}; m.Decode(in, v) }); n != 0 {
		t.Errorf("decoded into a reused value: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { *p = parcel{}; m.Decode(in, v) }); n != 1 {
		t.Errorf("decoded into a fresh value: %v allocations, want the body", n)
	}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf, _ = m.Append(buf[:0], v) }); n != 0 {
		t.Errorf("encoded: %v allocations", n)
	}
	roster := sampleRoster()
	v = &roster
	buf, _ = m.Append(make([]byte, 0, 4096), v)
	if n := testing.AllocsPerRun(100, func() { m.Decode(buf, v); buf, _ = m.Append(buf[:0], v) }); n != 0 {
		t.Errorf("records both ways: %v allocations", n)
	}
	var d any
	if n := testing.AllocsPerRun(100, func() { d, _ = m.DecodeAny(in) }); n > 7 {
		t.Errorf("DecodeAny: %v allocations, want those of the map and the values", n)
	}
	if n := testing.AllocsPerRun(100, func() { buf, _ = m.Append(buf[:0], d) }); n != 0 {
		t.Errorf("Append of a map: %v allocations", n)
	}
}
