package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

type (
	// parcel is what a busy program sends: numbers and some bytes.
	parcel struct {
		Seq  uint64 `msgpack:"seq"`
		TS   uint64 `msgpack:"ts"`
		Body []byte `msgpack:"body"`
	}

	// numbers has each kind of number, by a type of its own where that could
	// make a difference.
	numbers struct {
		B          bool
		I          int
		I8         int8
		I16        int16
		I32        int32 `msgpack:"i32"`
		I64        int64
		U          uint
		U8         uint8
		U16        uint16
		U32        uint32
		U64        uint64
		F32        float32
		F64        float64
		D          time.Duration
		unexported int //lint:ignore U1000 a plan and v5 leave it out
		Skipped    int `msgpack:"-"`
		M          level
	}
	level int16
	label string
	octet byte
	blank struct{}

	sparse struct {
		A int               `msgpack:"a,omitempty"`
		B string            `msgpack:",omitempty"`
		C []byte            `msgpack:"c,omitempty"`
		D map[string]int    `msgpack:"d, omitempty"`
		E *int              `msgpack:"e,omitempty"`
		F float64           `msgpack:"f,omitempty"`
		G []string          `msgpack:"g,omitempty"`
		H [2]bool           `msgpack:"h,omitempty"`
		I [0]int            `msgpack:"i,omitempty"`
		J []int             `msgpack:"j,omitempty"`
		K bool              `msgpack:"k,omitempty"`
		L float32           `msgpack:"l,omitempty"`
		M parcel            `msgpack:"m,omitempty"`
		N vague             `msgpack:"n,omitempty"`
		O blank             `msgpack:"o,omitempty"`
		P map[string]string `msgpack:"p,omitempty"`
	}
	vague struct { // omits all
		_msgpack struct{} `msgpack:",omitempty"` //lint:ignore U1000 the library reads it by reflection
		A        int
		B        *parcel
	}
	pair struct {
		_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the library reads it by reflection
		A        int      `msgpack:",omitempty"`
		B        string
		C        *pair
	}

	Inner struct {
		X int
		Y string `msgpack:"y,omitempty"`
	}
	Deeper struct {
		Inner `msgpack:"inner"`
		Z     []byte
	}
	outer struct {
		Deeper
		Inner2 Inner `msgpack:",noinline"`
		Last   bool
	}

	tree struct {
		Name  string
		Left  *tree
		Kids  []tree
		Named map[string]*tree
	}
	many struct {
		A, B, C, D, E, F, G, H, I, J, K, L int
		Inner
		S label
	}
	mixture struct {
		Bytes   []octet
		Four    [4]byte
		Ints    []int16
		Pairs   []pair
		Two     [2]parcel
		Strs    []string
		Labels  []label
		Dict    map[string]string
		Levels  map[label]level
		Parcels map[string]parcel
		Lists   map[string][]string
		Number  *int
		Words   *string
		Deep    [][]string
		Empty   blank
		Blanks  []blank
		Parcel  *parcel
		Text    *[]byte
		Ptrs    []*parcel
		Arr     *[2]int
		Slices  map[string][]int
	}
)

// planned is a value of every type that is to have a plan.
func planned() []any {
	return []any{
		new(parcel), new(numbers), new(sparse), new(vague), new(pair), new(outer), new(tree), new(many),
		new(mixture), new(player), new([]player), new([]int), new(map[string]tree), new([3]parcel),
		new(string), new([]byte), new([]string), new(map[string]string), new(time.Duration), new(label),
		new(struct{ P *parcel }), new(blank), new([4]byte), new(struct{ N int64 }),
	}
}

// planOf is the plan for what v points to.
func planOf(v any) *plan { return new(typeCache).of(new(Msgpack), v).target }

// decodeByV5 decodes like Decode, but by way of v5 alone.
func decodeByV5(m *Msgpack, b []byte, v any) error {
	var w walk
	w.limit(&m.Limits)
	if err := w.whole(b); err != nil {
		return err
	}
	c := m.cursor(&m.Limits, b, &w)
	_, err := m.decodeV5(b, reflect.TypeOf(v), &c, func(d *msgpack.Decoder) (any, error) { return nil, d.Decode(v) })
	return err
}

// likeV5 is a Msgpack that cuts integers, as v5 does.
func likeV5() *Msgpack { return &Msgpack{Limits: Limits{CutIntegers: true}} }

// bothWays decodes a payload into fresh values of v's type, by its plan and by
// v5, and compares. The two are known to differ in this: v5 takes no float of 64
// bits for one of 32, loses the sign of what is over 2^63, and takes an ext for
// the map in it.
func bothWays(t *testing.T, m *Msgpack, v any, b []byte) {
	t.Helper()
	ours, theirs := reflect.New(reflect.TypeOf(v).Elem()), reflect.New(reflect.TypeOf(v).Elem())
	got, want := m.Decode(b, ours.Interface()), decodeByV5(m, b, theirs.Interface())
	var e *CodecError
	if got != nil && m.Limits.Check(b) == nil &&
		(!errors.As(got, &e) || e.Value != nil || !errors.Is(got, ErrKind) && !errors.Is(got, ErrRange)) {
		t.Errorf("%x into %T: %v", b, v, got)
	}
	switch {
	case want != nil && got == nil && strings.Contains(want.Error(), "decoding float32"):
	case errors.Is(got, ErrRange) && want != nil:
	case errors.Is(got, ErrKind) && want == nil && bytes.ContainsAny(b, "\xc7\xc8\xc9\xd4\xd5\xd6\xd7\xd8"):
	case (got == nil) != (want == nil):
		t.Errorf("%x into %T: %v by plan, %v by v5", b, v, got, want)
	case got == nil && !alike(ours.Elem(), theirs.Elem()):
		t.Errorf("%x into %T: by plan\n%+v, by v5\n%+v", b, v, ours.Elem(), theirs.Elem())
	}
}

// alike is reflect.DeepEqual, to which NaNs are equal, and what differs by the
// sign that v5 loses.
func alike(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return x == y || math.IsNaN(x) && math.IsNaN(y) || y < 0 && math.Abs(x-y-1<<64) < 1<<41
	case reflect.Interface:
		return reflect.DeepEqual(a.Interface(), b.Interface())
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return alike(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !alike(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// codes is an object of every code, and of the sizes and values where a
// decoder could go wrong.
func codes() []string {
	all := []string{
		"\x00", "\x7f", "\xe0", "\xff", "\xc0", "\xc2", "\xc3",
		"\xcc\x00", "\xcc\xff", "\xcd\xff\xff", "\xcd\x01\x02", "\xce\xff\xff\xff\xff", "\xce\x01\x02\x03\x04",
		"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xcf\x01\x02\x03\x04\x05\x06\x07\x08",
		"\xd0\x80", "\xd0\x7f", "\xd1\x80\x00", "\xd1\x12\x34", "\xd2\x80\x00\x00\x00", "\xd2\x12\x34\x56\x78",
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xd3\x12\x34\x56\x78\x9a\xbc\xde\xf0",
		"\xca\x3f\xc0\x00\x00", "\xca\x7f\xc0\x00\x00", "\xca\xff\x80\x00\x00",
		"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		"\xa0", "\xa1a", "\xa4true", "\xbf" + strings.Repeat("x", 31),
		"\xd9\x00", "\xd9\x01a", "\xda\x00\x00", "\xda\x00\x02ab", "\xdb\x00\x00\x00\x00", "\xdb\x00\x00\x00\x03abc",
		"\xc4\x00", "\xc4\x01\xff", "\xc5\x00\x00", "\xc5\x00\x02ab", "\xc6\x00\x00\x00\x00", "\xc6\x00\x00\x00\x04abcd",
		"\xc4\x05abcde", "\x90", "\x91\x01", "\x91\xc0", "\x92\x01\x02", "\x93\x01\x02\x03", "\x92\xa1a\xa1b", "\x91\x80", "\x91\x90",
		"\x93\x01\xa1b\xc0", "\x93\x01\xa1b\x93\x02\xa1c\xc0", "\x92\x80\xc0", "\x92\x93\x01\x02\xa1c\x93\x03\x04\xc0",
		"\xdc\x00\x00", "\xdc\x00\x01\x01", "\xdd\x00\x00\x00\x00", "\xdd\x00\x00\x00\x02\x01\x02",
		"\x80", "\x81\xa1a\x01", "\x81\xa1a\xa1b", "\x81\xa1a\xc0", "\x81\xc0\xc0", "\x81\x01\x01", "\x81\xa3seq\x07",
		"\x81\xc4\x03seq\xcc\x80", "\x81\xd9\x03seq\x07", "\x82\xa3seq\x07\xa3seq\x08", "\x82\xa2ts\x01\xa3seq\x02",
		"\x82\xa4body\xc4\x02xx\xa3seq\x02", "\x83\xa4more\x82\x01\x91\xc0\x02\xd6\xff1234\xa3seq\x01\xa1z\xc5\x00\x01x", "\x81\xa3seq\xa1a",
		"\x81\xa1a\x81\xa3seq\x07", "\x81\xa1a\x81\xa4Name\xa1n", "\x81\xa1a\x91\xa1b", "\x81\xa1a\x91\x01",
		"\xde\x00\x00", "\xde\x00\x01\xa1a\x01", "\xdf\x00\x00\x00\x00", "\xdf\x00\x00\x00\x01\xa1a\xa1b",
		"\xd4\x05a", "\xd5\x05ab", "\xd6\xff1234", "\xd7\xff12345678", "\xd8\x01" + strings.Repeat("x", 16),
		"\xc7\x00\x01", "\xc7\x03\x01abc", "\xc8\x00\x01\x01a", "\xc9\x00\x00\x00\x01\x01a", "\xc7\x00\x01", "\xd6\x01\x81\xa1a\x01",
	}
	return all
}

// Every object, alone, and in each field.
func TestPlanDecodesAllCodesLikeV5(t *testing.T) {
	m := likeV5()
	for _, v := range planned() {
		for _, c := range codes() {
			bothWays(t, m, v, []byte(c))
		}
		for _, f := range planOf(v).fields {
			for _, c := range codes() {
				bothWays(t, m, v, append([]byte("\x81"+f.key), c...))
			}
		}
	}
}

func TestPlanDecodesEmbeddedByName(t *testing.T) {
	m := likeV5()
	for _, b := range []string{
		"\x81\xa6Deeper\x81\xa1X\x07", "\x81\xa5inner\x81\xa1X\x07", "\x82\xa1X\x01\xa6Deeper\xc0",
		"\x81\xa6Deeper\x93\x01\xa1a\xc0", "\x81\xa6Deeper\x81\xa5inner\x81\xa1X\x07", "\x81\xa6Deeper\x01",
	} {
		bothWays(t, m, new(outer), []byte(b))
	}
	bothWays(t, m, new(many), []byte("\x82\xa5Inner\x81\xa1X\x07\xa1S\xa1x"))
}

// scramble sets v at random. Maps get one pair at most.
func scramble(r *rand.Rand, v reflect.Value, depth int) {
	if !v.CanSet() {
		return
	}
	nothing := depth == 0 || r.IntN(4) == 0
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), r.NormFloat64(), 1 << 40}[r.IntN(6)])
	case reflect.String:
		v.SetString(strings.Repeat("é", r.IntN(20)*r.IntN(20)))
		if r.IntN(200) == 0 {
			v.SetString("\xff")
		}
	case reflect.Pointer:
		if !nothing {
			v.Set(reflect.New(v.Type().Elem()))
			scramble(r, v.Elem(), depth-1)
		}
	case reflect.Slice:
		if !nothing {
			n := r.IntN(4)
			if r.IntN(16) == 0 {
				n = 20
			}
			v.Set(reflect.MakeSlice(v.Type(), n, n+r.IntN(3)))
			for i := range n {
				scramble(r, v.Index(i), depth-1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			scramble(r, v.Index(i), depth)
		}
	case reflect.Map:
		if !nothing {
			v.Set(reflect.MakeMap(v.Type()))
			if r.IntN(4) > 0 {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				scramble(r, key, depth-1)
				scramble(r, elem, depth-1)
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if r.IntN(4) > 0 {
				scramble(r, v.Field(i), depth)
			}
		}
	}
}

// document is a payload that a value of type t may be decoded from, mostly.
func document(r *rand.Rand, b []byte, p *plan, depth int) []byte {
	if r.IntN(40) == 0 || depth == 0 {
		all := codes()
		return append(b, all[r.IntN(len(all))]...)
	}
	if r.IntN(12) == 0 {
		return AppendNil(b)
	}
	n := r.IntN(4)
	key := func(s string) {
		if r.IntN(8) == 0 {
			b = AppendBytes(b, []byte(s))
		} else {
			b = AppendString(b, s)
		}
	}
	switch p.enc {
	case opPointer:
		return document(r, b, p.elem, depth)
	case opSlice, opArray:
		if p.enc == opArray {
			n = min(n, p.typ.Len())
		}
		b = AppendArrayHeader(b, n)
		for range n {
			b = document(r, b, p.elem, depth-1)
		}
		return b
	case opMap:
		b = AppendMapHeader(b, n)
		for i := range n {
			key(fmt.Sprint(i))
			b = document(r, b, p.elem, depth-1)
		}
		return b
	case opStruct:
		if r.IntN(8) == 0 {
			b = AppendArrayHeader(b, len(p.fields))
			for i := range p.fields {
				b = document(r, b, p.fields[i].plan, depth-1)
			}
			return b
		}
		fields := append(append([]field(nil), p.fields...), p.extra...)
		if r.IntN(2) == 0 {
			r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		}
		fields = fields[:r.IntN(len(fields)+1)]
		b = AppendMapHeader(b, len(fields))
		for i, f := range fields {
			if r.IntN(8) == 0 {
				key(fmt.Sprint("unknown", i))
				b = append(b, codes()[r.IntN(len(codes()))]...)
				continue
			}
			key(f.name)
			b = document(r, b, f.plan, depth-1)
		}
		return b
	}
	v := reflect.New(p.typ)
	scramble(r, v.Elem(), depth)
	out, err := p.encode(b, v.Elem(), 0)
	if err != nil {
		return AppendNil(b)
	}
	return out
}

// compareAtRandom encodes and decodes at random by a plan and by v5.
func compareAtRandom(t *testing.T, m *Msgpack, v any, r *rand.Rand) {
	t.Helper()
	x := reflect.New(reflect.TypeOf(v).Elem())
	scramble(r, x.Elem(), 4)
	p := planOf(v)
	for _, value := range []any{x.Interface(), x.Elem().Interface()} {
		ours, err := m.Append([]byte("before"), value)
		theirs, want := m.encode([]byte("before"), reflect.ValueOf(value), nil, 0)
		if err == nil && errors.Is(want, ErrUTF8) {
			continue // a key, which v5 takes for text
		}
		if (err == nil) != (want == nil) || !bytes.Equal(ours, theirs) {
			t.Errorf("%T: %x, %v by plan, %x, %v by v5", value, ours, err, theirs, want)
			return
		}
		if err == nil {
			bothWays(t, m, v, ours[len("before"):])
		}
	}
	bothWays(t, m, v, document(r, nil, p, 5))
}

func TestPlanAtRandom(t *testing.T) {
	m := likeV5()
	rounds := uint64(100)
	if raceEnabled {
		rounds = 10
	}
	for _, v := range planned() {
		for seed := range rounds {
			compareAtRandom(t, m, v, rand.New(rand.NewPCG(seed, 1)))
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func FuzzPlan(f *testing.F) {
	m := likeV5()
	for i, c := range codes() {
		f.Add([]byte(c), uint64(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if len(b) > 1<<10 {
			return
		}
		for _, v := range planned() {
			bothWays(t, m, v, b)
		}
		all := planned()
		compareAtRandom(t, m, all[seed%uint64(len(all))], rand.New(rand.NewPCG(seed, 2)))
	})
}
