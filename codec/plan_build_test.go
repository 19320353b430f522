package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

type ring *ring

// Types with methods of tinylib/msgp use them, each way on its own.
func TestMethodsComeBeforePlans(t *testing.T) {
	for _, v := range []any{new(fast), fast{}, []fast{}, struct{ F *fast }{}} {
		p := new(typeCache).of(new(Msgpack), v).plan
		for p.elem != nil {
			p = p.elem
		}
		if len(p.fields) == 1 {
			p = p.fields[0].plan.elem
		}
		if p.enc != opMsg || p.dec != opMsg {
			t.Errorf("%T has a plan", v)
		}
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
		{&tree{Name: bad}, ErrUTF8}, {[]string{bad}, ErrUTF8}, {map[string]string{"": bad}, ErrUTF8},
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
