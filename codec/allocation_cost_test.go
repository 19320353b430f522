package codec

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strconv"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that take more than their wire lets one think: pointers that are filled
// without an array or a map, and sizes that the heap rounds up.
type (
	selfish  struct{ X [4097]byte }
	lettered struct{ X [4097]byte }
	largeOwn struct{ X [4097]byte }
	largeExt struct{ X [4097]byte } // registered as an ext by its pointer
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

func (s *selfish) DecodeMsgpack(d *msgpack.Decoder) error  { return d.Skip() }
func (s *lettered) UnmarshalText([]byte) error             { return nil }
func (s *largeOwn) EncodeMsgpack(*msgpack.Encoder) error   { return nil }
func (s *largeOwn) DecodeMsgpack(d *msgpack.Decoder) error { return d.Skip() }

func TestBudgetCountsTypes(t *testing.T) {
	type large struct {
		X [1000]int64
		A int
	}
	n := 10000
	nils := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{codeNil}, n)...)
	maps := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{fixMap}, n)...)
	bins := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{bin8, 0}, n)...)
	exts := append(AppendArrayHeader(nil, n), bytes.Repeat([]byte("\xd4\x49\x01"), n)...)
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
		{bins, new([]*largeOwn)},
		{exts, new([]*largeExt)},
		{exts, new([]any)},
		{append([]byte("\x81\xa1A"), exts...), new(struct{ A any })},
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
		if !errors.Is(err, ErrBudget) || took > defaultBudget {
			t.Errorf("%T: %v, %d bytes", c.v, err, took)
		}
	}
	for _, v := range []any{new([]player), new([]*int), new([]any), new([]map[string]int)} {
		if err := m.Decode(nils, v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// spent decodes b into a fresh value of v's type, and returns what that
// allocated and what was charged for it.
func spent(m *Msgpack, b []byte, v any) (took, charged int, err error) {
	const all = math.MaxInt
	w := walk{depth: maxDepth, elements: 1 << 30, budget: all}
	if err := w.whole(b); err != nil {
		return 0, 0, err
	}
	v = reflect.New(reflect.TypeOf(v).Elem()).Interface()
	c := m.cursor(nil, b, &w)
	c.v5 = m
	k := m.types.of(m, v)
	took = allocated(func() { err = k.decode(b, v, &c) })
	return took, all - c.left, err
}

// What is charged is never under what is allocated, nor more than four times of
// that. Errors and v5's scratch are not charged.
func TestBudgetIsWhatIsAllocated(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("what is charged is what 64 bits take")
	}
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	type broad struct { // as wide as a map holds in place, with its key
		X [15]int64
		A int
	}
	type wide struct{ X [130]byte }
	for name, b := range costly() {
		for _, v := range append(shapes(), new([]*everything), new([]*player), new([]map[string]player),
			new(map[string]*everything), new(map[int]everything), new(map[int]broad), new([]map[int]broad), new([][]player),
			new([]odd), new([]*odd), new([][]odd), new(map[string][]odd), new(map[string]*odd), new(map[int]odd),
			new([]*selfish), new(map[string]*lettered), new([]*largeOwn), new(map[string]*largeOwn), new(map[string]wide), new(map[[130]byte]wide), new([]*[]string),
			new([]any), new(map[any]any), new(map[bool]any), new([][]byte), new([]string), new([]error), new([]int8),
			new([]bool), new([]inlined), new([]*inlined)) {
			m := new(Msgpack)
			spent(m, b, v) // the types are known then
			took, charged, err := spent(m, b, v)
			switch {
			case err == nil && took > charged+512:
				t.Errorf("%s into %T: took %d, charged %d", name, v, took, charged)
			case err != nil && took > charged+6*len(b)+4<<10:
				t.Errorf("%s into %T: took %d, charged %d: %v", name, v, took, charged, err)
			case charged > 4*took+512:
				t.Errorf("%s into %T: took %d, charged %d, which refuses too much", name, v, took, charged)
			}
		}
	}
}

// The same for maps of all sizes, with keys that hash at random.
func TestBudgetOfMaps(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("what is charged is what 64 bits take")
	}
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var m Msgpack
	for _, n := range []int{0, 1, 8, 9, 14, 15, 28, 29, 112, 113, 448, 449, 896, 897, 1792, 1793, 3584, 3585, 7168, 7169, 9000} {
		b := AppendMapHeader(nil, n)
		for i := range n {
			b = append(AppendUint(b, uint64(i)<<40), 1)
		}
		for _, v := range []any{new(map[int64]int8), new(map[int]float64), new(map[any]any), new(map[uint64]*int), new(map[int]any)} {
			for range 3 {
				if took, charged, err := spent(&m, b, v); err != nil || took > charged+512 || charged > 4*took+512 {
					t.Errorf("%d pairs into %T: took %d, charged %d, %v", n, v, took, charged, err)
				}
			}
		}
	}
}

// The same for the types that the fuzz target makes.
func TestBudgetOfRandomTypes(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var m Msgpack
	for seed := range uint64(400) {
		v := reflect.New(typeOf(seed))
		newTypist(seed, false).fill(v.Elem(), 4)
		b, err := m.Append(nil, v.Interface())
		if err != nil {
			continue
		}
		spent(&m, b, v.Interface()) // the types are known then
		if took, charged, err := spent(&m, b, v.Interface()); err != nil || took > charged+512 || charged > 4*took+512 {
			t.Errorf("seed %d, %T: took %d, charged %d, %v", seed, v.Interface(), took, charged, err)
		}
	}
}

// What is charged for an object is what the heap has for it.
func TestHeapSize(t *testing.T) {
	const most = 100_000
	classes := make([]int, most+8) // what the heap takes for so many bytes
	for n := 1; n < len(classes); n++ {
		if classes[n] = classes[n-1]; n > classes[n] { // else it is in the same class
			classes[n] = cap(append([]byte(nil), make([]byte, n)...))
		}
	}
	for n := 1; n < most; n++ {
		class := classes[n]
		withPointers := n > 512 && heapSize(n) < classes[n+8]
		if got := heapSize(n); got < class || withPointers || n >= 8 && got > 3*class {
			t.Fatalf("%d bytes: %d, the heap takes %d", n, got, class)
		}
	}
}

// Sizes that no int can tell are over every budget: on 32 bits, one slice of large
// elements is enough for that.
func TestSizesDoNotOverflow(t *testing.T) {
	const all = math.MaxInt
	for _, n := range []int{
		arraySize(all/8, 16), arraySize(all/16, 20), arraySize(all, all), arraySize(all/3+1, 3), arraySize(1<<20, all>>19),
		mapSize(all/8, 64), mapSize(all/256, 256), mapSize(all, 0),
	} {
		if n != all {
			t.Errorf("%d", n)
		}
		c := cursor{left: all - 1}
		if c.charge(n) {
			t.Errorf("%d were charged", n)
		}
	}
	if n := arraySize(1000, 16); n != heapSize(16000) {
		t.Errorf("%d", n)
	}
}

// Honest values are within the default budget wherever in their type the large
// objects lie.
func TestLargeObjectsBesideSmallOnes(t *testing.T) {
	type terrain struct{ H [64][64]uint16 }
	type sprite struct {
		Pixels [4096]byte
		At     struct{ X, Y int }
	}
	for _, v := range []any{
		&struct {
			T     *terrain
			Units []struct{ X, Y int }
		}{new(terrain), make([]struct{ X, Y int }, 2000)},
		&struct {
			Row  [1000]int64
			List []int
		}{List: make([]int, 3000)},
		&struct {
			Sprites map[string]*sprite
			Names   []string
		}{map[string]*sprite{"a": new(sprite)}, make([]string, 4000)},
		&struct {
			Large []sprite
			Small map[int]bool
			Any   any
		}{make([]sprite, 3), map[int]bool{1: true}, make([]int, 4000)},
		&struct {
			Deep [][]*terrain
			Ptrs []*int
		}{[][]*terrain{{new(terrain)}}, make([]*int, 4000)},
	} {
		var m Msgpack
		b, err := m.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(v).Elem())
		m.Limits.Budget = 512 << 10
		if err := m.Decode(b, got.Interface()); err != nil {
			t.Errorf("%T of %d bytes: %v", v, len(b), err)
		}
	}
}
