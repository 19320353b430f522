package codec

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that take more than their wire lets one think: pointers that are filled
// without an array or a map, and sizes that the heap rounds up.
type (
	selfish  struct{ X [4097]byte }
	lettered struct{ X [4097]byte }
	odd      struct {
		A *int `msgpack:"a"`
		X [4097]byte
	}
	Within1 struct {
		A any `msgpack:"a"`
		X [4097]byte
	}
	Within2 struct {
		B any `msgpack:"b"`
		Y [1025]byte
		*Within3
	}
	Within3 struct {
		C any `msgpack:"c"`
		Z [1025]byte
	}
	inlined struct {
		*Within1
		*Within2
	}
)

func (s *selfish) DecodeMsgpack(d *msgpack.Decoder) error { return d.Skip() }
func (s *lettered) UnmarshalText([]byte) error            { return nil }

func TestBudgetCountsTypes(t *testing.T) {
	type large struct {
		X [1000]int64
		A int
	}
	n := 10000
	nils := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{codeNil}, n)...)
	maps := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{fixMap}, n)...)
	bins := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{bin8, 0}, n)...)
	inlines := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte("\x82\xa1a\xc0\xa1c\xc0"), n)...)
	dict := AppendMapHeader(nil, n)
	for i := range n {
		dict = append(AppendUint(dict, uint64(i)), fixMap)
	}
	var m Msgpack
	for _, c := range []struct {
		in []byte
		v  any
	}{
		{nils, new([]large)},
		{maps, new([]*large)},
		{bins, new([]*[4096]byte)},
		{dict, new(map[int]large)},
		{dict, new(map[int]*large)},
		{append([]byte("\x81\xa1Q"), nils...), new(struct{ Q []large })},
		{append([]byte("\x91"), nils...), new([2][]large)},
		{bins, new([]*selfish)},
		{bins, new([]*lettered)},
		{inlines, new([]inlined)},
		{inlines, new([]*inlined)},
	} {
		if err := m.Limits.Check(c.in); err != nil {
			t.Fatal(err)
		}
		if err := m.Decode([]byte{fixMap}, new(player)); err != nil { // another type before
			t.Fatal(err)
		}
		var err error
		took := allocated(func() { err = m.Decode(c.in, c.v) })
		if !errors.Is(err, ErrBudget) || took > 1<<20 {
			t.Errorf("%T: %v, %d bytes", c.v, err, took)
		}
	}
	for _, v := range []any{new([]player), new([]*int), new([]any), new([]map[string]int)} {
		if err := m.Decode(nils, v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// What passes at a budget does not take more.
func TestBudgetHoldsForTypes(t *testing.T) {
	type broad struct { // as wide as a map holds in place, with its key
		X [15]int64
		A int
	}
	for name, b := range costly() {
		for _, v := range append(shapes(), new([]*everything), new([]*player), new([]map[string]player), new(map[string]*everything), new(map[int]everything), new(map[int]broad), new([]map[int]broad), new([][]player),
			new([]odd), new([]*odd), new([][]odd), new(map[string][]odd), new(map[string]*odd), new(map[int]odd),
			new([]*selfish), new(map[string]*lettered)) {
			m := Msgpack{Limits: Limits{Elements: 1 << 20, Budget: 1 << 30}}
			p := new(player)
			m.Decode(compact(p), p) // a decoder, and the types it knows
			m.Decode(b, reflect.New(reflect.TypeOf(v).Elem()).Interface())
			var w walk
			w.limit(&m.Limits)
			if err := w.whole(b); err != nil {
				t.Fatal(err)
			}
			estimate := w.cost() + weigh(reflect.TypeOf(v)).cost(&w)
			estimate += 6*len(b) + 16<<10 // v5's scratch, and errors that quote their input
			if took := allocated(func() { m.Decode(b, v) }); took > estimate {
				t.Errorf("%s into %T: took %d, estimate %d", name, v, took, estimate)
			}
		}
	}
}
