package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func TestStructsBothWays(t *testing.T) {
	var m Msgpack
	want := everything{
		B: true, I: -5, U: 300, F: 1.5, S: "text", P: []byte("bytes"), T: time.Unix(5, 6), D: time.Second,
		R: Raw("\x92\x01\xa1a"), V: msgpack.RawMessage("\xc3"), E: Ext{1, []byte("abc")},
		K: [4]byte{1, 2, 3, 4}, G: [2]int{1, -1}, Q: &everything{S: "inner"}, H: []everything{{I: 1}, {I: 2}},
		L: []any{int64(1), "a"}, M: map[string]any{"k": "v"}, N: map[any]any{int64(-1): "a"},
		Strs: []string{"a", "b"}, Dict: map[string]string{"a": "b"}, Keys: map[int]string{-7: "x"},
	}
	b, err := m.Append(nil, &want)
	if err != nil {
		t.Fatal(err)
	}
	var got everything
	if err := m.Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	again, err := m.Append(nil, &got)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := m.DecodeAny(b)
	y, _ := m.DecodeAny(again)
	if !equal(x, y) || len(got.H) != 2 || got.H[1].I != 2 || got.Q.S != "inner" || !bytes.Equal(got.R, want.R) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// Python 2 sends the keys of its dicts as bin.
func TestKeysMayBeBin(t *testing.T) {
	var m Msgpack
	in := []byte("\x82\xc4\x02id\xcd\x01\x00\xc4\x04name\xc4\x03bob")
	var p player
	if err := m.Decode(in, &p); err != nil || p.ID != 256 || p.Name != "bob" {
		t.Errorf("%+v, %v", p, err)
	}
	var q fast
	if err := m.Decode(in, &q); err != nil || q.ID != 256 || q.Name != "bob" {
		t.Errorf("%+v, %v", q, err)
	}
	var d map[string]any
	if err := m.Decode(in, &d); err != nil || d["id"] != int64(256) || !equal(d["name"], []byte("bob")) {
		t.Errorf("%+v, %v", d, err)
	}
	var n map[any]string
	if err := m.Decode([]byte("\x81\xc4\x01k\xc4\x01v"), &n); err != nil || n["k"] != "v" {
		t.Errorf("%+v, %v", n, err)
	}
	var s map[string]string
	if err := m.Decode([]byte("\x81\xc4\x01k\xc4\x01v"), &s); err != nil || s["k"] != "v" {
		t.Errorf("%+v, %v", s, err)
	}
}

// What the documentation of Decode says of v5.
func TestDocumentedHabitsOfV5(t *testing.T) {
	var m Msgpack
	var small uint16
	if err := m.Decode([]byte("\xce\x00\x01\x00\x01"), &small); err != nil || small != 1 {
		t.Errorf("65537 into a uint16: %d, %v", small, err)
	}
	for in, want := range map[string]string{
		"\x05":                   "int64 5",
		"\xcc\xff":               "uint64 255",
		"\xd0\x80":               "int64 -128",
		"\xca?\xc0\x00\x00":      "float64 1.5",
		"\xc4\x01a":              "string a",
		"\x92\x01\xc4\x01a":      "[]interface {} [1 a]",
		"\x81\xc4\x01a\xc4\x01b": "map[string]interface {} map[a:[98]]",
		"\x81\x01\xcc\x02":       "map[interface {}]interface {} map[1:2]",
	} {
		var v struct{ A any }
		err := m.Decode(append([]byte("\x81\xa1A"), in...), &v)
		if got := fmt.Sprintf("%T %v", v.A, v.A); err != nil || got != want {
			t.Errorf("%x into a field: %s, %v; want %s", in, got, err, want)
		}
	}
	var v struct{ A any }
	if err := m.Decode([]byte("\x81\xa1A\xd6\xff1234"), &v); err != nil || !equal(v.A, timeOf([]byte("1234"))) {
		t.Errorf("time into a field: %v, %v", v.A, err)
	}
	if err := m.Decode([]byte("\x81\xa1A\xd4\x051"), new(struct{ A any })); err == nil {
		t.Error("an ext goes into a field of type any")
	}
	used := struct{ A any }{5}
	if err := m.Decode([]byte("\x81\xa1A\x01"), &used); err == nil {
		t.Error("a field of type any that is not nil takes a value")
	}
}

func TestDecodeIntoAny(t *testing.T) {
	var m Msgpack
	b := []byte("\x81\xa1a\x92\xcc\xff\xc4\x01x")
	var v any = "old"
	if err := m.Decode(b, &v); err != nil || !equal(v, map[string]any{"a": []any{int64(255), []byte("x")}}) {
		t.Errorf("%v, %v", v, err)
	}
	d := map[string]any{"old": 1}
	if err := m.Decode(b, &d); err != nil || !equal(v, d) {
		t.Errorf("%v, %v", d, err)
	}
	var l []any
	if err := m.Decode([]byte("\x91\xcc\xff"), &l); err != nil || !equal(l, []any{int64(255)}) {
		t.Errorf("%v, %v", l, err)
	}
	if err := m.Decode([]byte{codeNil}, &l); err != nil || l != nil {
		t.Errorf("nil: %v, %v", l, err)
	}
	for _, wrong := range []any{&l, &d} {
		if err := m.Decode([]byte("\x81\x01\x01"), wrong); !errors.Is(err, ErrKind) {
			t.Errorf("into %T: %v", wrong, err)
		}
	}
}

type stranger struct {
	op  string
	out []byte
}

var errStranger = errors.New("stranger")

func (s stranger) MarshalMsg(b []byte) ([]byte, error) {
	switch s.op {
	case "error":
		return append(b, "half"...), errStranger
	case "panic":
		panic("no reason")
	case "panic error":
		panic(errStranger)
	case "lose":
		return nil, nil
	}
	return append(b, s.out...), nil
}

func (s *stranger) UnmarshalMsg(b []byte) ([]byte, error) {
	switch s.op {
	case "error":
		return b, errStranger
	case "panic":
		panic("no reason")
	case "panic error":
		panic(errStranger)
	case "nothing":
		return b, nil
	}
	s.out = bytes.Clone(b)
	return nil, nil
}

func TestMarshaler(t *testing.T) {
	var m Msgpack
	p := fast(samplePlayer())
	for name, v := range map[string]any{"pointer": &p, "value": p} {
		got, err := m.Append([]byte("x"), v)
		if want := compact(samplePlayer()); err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	got, err := m.Append(nil, []any{stranger{out: []byte{7}}, map[string]any{"a": &stranger{out: []byte{8}}}})
	if err != nil || string(got) != "\x92\x07\x81\xa1a\x08" {
		t.Errorf("in a list: %x, %v", got, err)
	}
}

func TestMarshalerFaults(t *testing.T) {
	for op, is := range map[string]error{
		"error": errStranger, "panic": nil, "panic error": errStranger, "lose": ErrEmpty, "append nothing": ErrEmpty,
	} {
		var m Msgpack
		for _, v := range []any{stranger{op: op}, []any{&stranger{op: op}}} {
			got, err := m.Append([]byte("before"), v)
			var e *CodecError
			if !errors.As(err, &e) || e.Op != "encode" || is != nil && !errors.Is(err, is) {
				t.Errorf("%s: %v", op, err)
				continue
			}
			if string(got) != "before" {
				t.Errorf("%s: dst came back as %q", op, got)
			}
			if strings.HasPrefix(op, "panic") != (e.Value != nil) {
				t.Errorf("%s: panic value %v", op, e.Value)
			}
			if !strings.Contains(err.Error(), "codec.stranger") {
				t.Errorf("%s: %q does not name the type", op, err)
			}
		}
	}
	var m Msgpack
	if _, err := m.Append(nil, (*fast)(nil)); err == nil {
		t.Error("a nil Marshaler that minds is no error")
	}
}

func TestUnmarshaler(t *testing.T) {
	var m Msgpack
	var s stranger
	if err := m.Decode([]byte("\x91\x05"), &s); err != nil || string(s.out) != "\x91\x05" {
		t.Errorf("%x, %v", s.out, err)
	}
	if err := m.Decode([]byte("\x91"), &s); !errors.Is(err, ErrTruncated) {
		t.Errorf("the guard did not go first: %v", err)
	}
	for op, is := range map[string]error{
		"error": errStranger, "panic": nil, "panic error": errStranger, "nothing": ErrTrailing,
	} {
		var e *CodecError
		err := m.Decode([]byte{1}, &stranger{op: op})
		if !errors.As(err, &e) || e.Op != "decode" || is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// greedy reads more raw objects than there are, which leaves a v5 decoder
// recording, and hides the error.
type greedy struct{}

func (*greedy) DecodeMsgpack(d *msgpack.Decoder) error {
	for {
		if _, err := d.DecodeRaw(); err != nil {
			return err
		}
	}
}

type panicky struct{}

func (panicky) EncodeMsgpack(e *msgpack.Encoder) error {
	e.UseCompactInts(false)
	e.Writer().Write([]byte{0x91})
	panic("half way")
}

func (*panicky) DecodeMsgpack(*msgpack.Decoder) error { panic("half way") }

type lazy struct{}

func (*lazy) DecodeMsgpack(*msgpack.Decoder) error { return nil }
func (lazy) EncodeMsgpack(*msgpack.Encoder) error  { return nil }

type wild struct{}

func (wild) EncodeMsgpack(e *msgpack.Encoder) error {
	e.UseCompactInts(false)
	e.UseArrayEncodedStructs(true)
	return e.EncodeNil()
}

func (*wild) DecodeMsgpack(d *msgpack.Decoder) error {
	d.DisallowUnknownFields(true)
	return d.Skip()
}

func TestDecodeFaults(t *testing.T) {
	var when struct{ T time.Time }
	for name, c := range map[string]struct {
		in string
		v  any
	}{
		"nil into time":      {"\x81\xa1T\xc0", &when},
		"top nil into time":  {"\xc0", new(time.Time)},
		"wrong kind":         {"\xa1a", new(player)},
		"wrong field":        {"\x81\xa2id\xa1a", new(player)},
		"no pointer":         {"\x01", 5},
		"nil":                {"\x01", nil},
		"nil pointer":        {"\x01", (*int)(nil)},
		"nil raw":            {"\x01", (*Raw)(nil)},
		"nil any":            {"\x01", (*any)(nil)},
		"channel":            {"\x01", new(chan int)},
		"too long for array": {"\x93\x01\x02\x03", new([2]int)},
		"beyond the end":     {"\x01", new(greedy)},
		"panic":              {"\x01", new(panicky)},
		"other interface":    {"\x81\xa1S\x01", &struct{ S fmt.Stringer }{}},
		"nothing read":       {"\x01", new(lazy)},
		"ext wanted":         {"\x01", new(Ext)},
	} {
		var m Msgpack
		for range 3 {
			err := m.Decode([]byte(c.in), c.v)
			var e *CodecError
			if !errors.As(err, &e) || e.Op != "decode" || e.Type != reflect.TypeOf(c.v) || err.Error() == "" {
				t.Errorf("%s: %v", name, err)
			}
			if m.decoders.Get() != nil {
				t.Errorf("%s: the decoder was kept", name)
			}
			var p player
			if err := m.Decode(compact(samplePlayer()), &p); err != nil || p != samplePlayer() {
				t.Errorf("%s left a broken decoder: %v", name, err)
			}
		}
	}
}

func TestExtWantsAnExt(t *testing.T) {
	var m Msgpack
	for _, in := range []string{"\x01", "\xa1a", "\x90"} {
		var e *CodecError
		if err := m.Decode([]byte(in), new(Ext)); !errors.As(err, &e) || e.Err != ErrKind {
			t.Errorf("%x: %v", in, err)
		}
	}
}

func TestEncoderFaults(t *testing.T) {
	for _, v := range []any{panicky{}, []panicky{{}}, lazy{}, struct{ A lazy }{}} {
		var m Msgpack
		for range 3 {
			got, err := m.Append([]byte("before"), v)
			var e *CodecError
			if !errors.As(err, &e) || string(got) != "before" {
				t.Errorf("%T: %q, %v", v, got, err)
			}
			if m.encoders.Get() != nil {
				t.Errorf("%T: the encoder was kept", v)
			}
			if b, err := m.Append(nil, samplePlayer()); err != nil || !bytes.Equal(b, compact(samplePlayer())) {
				t.Errorf("%T left a broken encoder: %x, %v", v, b, err)
			}
		}
	}
}

// What a type's own code sets on an encoder or decoder is gone for the next.
func TestPooledCodersForgetSettings(t *testing.T) {
	var m Msgpack
	for range 3 {
		if b, err := m.Append(nil, wild{}); err != nil || string(b) != "\xc0" {
			t.Fatal(b, err)
		}
		if b, err := m.Append(nil, samplePlayer()); err != nil || !bytes.Equal(b, compact(samplePlayer())) {
			t.Fatalf("%x, %v", b, err)
		}
		if err := m.Decode([]byte{1}, new(wild)); err != nil {
			t.Fatal(err)
		}
		var v struct{ A any }
		if err := m.Decode([]byte("\x82\xa1A\x01\xa1z\x02"), &v); err != nil || v.A != int64(1) {
			t.Fatal(v, err)
		}
	}
}

// An encoder or decoder that took a large payload would hold as much for ever.
func TestLargeCodersAreNotKept(t *testing.T) {
	var m Msgpack
	big := struct{ S string }{strings.Repeat("x", maxKept)}
	b, err := m.Append(nil, big)
	if err != nil {
		t.Fatal(err)
	}
	if m.encoders.Get() != nil {
		t.Error("the encoder was kept")
	}
	if err := m.Decode(b, &big); err != nil {
		t.Fatal(err)
	}
	if m.decoders.Get() != nil {
		t.Error("the decoder was kept")
	}
}

func TestRaw(t *testing.T) {
	var m Msgpack
	b := []byte("\x92\x01\xa1a")
	var r Raw
	if err := m.Decode(b, &r); err != nil || !bytes.Equal(r, b) {
		t.Fatalf("%x, %v", r, err)
	}
	b[1] = 9
	if r[1] != 1 {
		t.Error("a Raw shares the payload")
	}
	got, err := m.Append([]byte("x"), r)
	if err != nil || string(got) != "x\x92\x01\xa1a" {
		t.Errorf("%q, %v", got, err)
	}
	type pair struct{ A, B Raw }
	got, err = m.Append(nil, pair{A: r})
	if err != nil || string(got) != "\x82\xa1A\x92\x01\xa1a\xa1B\xc0" {
		t.Errorf("%q, %v", got, err)
	}
	p := pair{A: Raw("old"), B: r}
	if err := m.Decode(got, &p); err != nil || !bytes.Equal(p.A, r) || p.B != nil {
		t.Errorf("%x, %v", p, err)
	}
	if got, err = m.Append(nil, Raw(nil)); err != nil || string(got) != "\xc0" {
		t.Errorf("%x, %v", got, err)
	}
	if got, err = m.Append(nil, &r); err != nil || !bytes.Equal(got, r) {
		t.Errorf("%x, %v", got, err)
	}
}

// Raw and Ext may meet a decoder that no guard stands before.
func TestRawAndExtWithoutGuard(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("v5 takes a length over 2 GiB for a negative one")
	}
	for _, b := range bombs() {
		if len(b) > 1000 {
			continue
		}
		took := allocated(func() {
			for _, v := range []any{new(Raw), new(Ext)} {
				if err := msgpack.NewDecoder(bytes.NewReader(b)).Decode(v); err == nil && b[0] > 0xc6 {
					t.Errorf("%x into %T", b, v)
				}
			}
		})
		if took > 16<<20 {
			t.Errorf("%x: %d bytes", b, took)
		}
	}
	enc := msgpack.NewEncoder(io.Discard)
	for _, v := range []any{Raw("\xc1"), Ext{Type: -7}} {
		if err := enc.Encode(v); err == nil {
			t.Errorf("%v is encoded", v)
		}
	}
}

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
			estimate := w.cost() + m.weigh(reflect.TypeOf(v)).cost(&w)
			estimate += 6*len(b) + 16<<10 // v5's scratch, and errors that quote their input
			if took := allocated(func() { m.Decode(b, v) }); took > estimate {
				t.Errorf("%s into %T: took %d, estimate %d", name, v, took, estimate)
			}
		}
	}
}

func TestMarshalersAllocateNothing(t *testing.T) {
	var m Msgpack
	p := fast(samplePlayer())
	b := make([]byte, 0, 256)
	b, err := m.Append(b, &p)
	if err != nil {
		t.Fatal(err)
	}
	var q fast
	if n := testing.AllocsPerRun(100, func() {
		b, _ = m.Append(b[:0], &p)
		if err := m.Decode(b, &q); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if p != q {
		t.Errorf("%v came back as %v", p, q)
	}
}

// Nothing is allocated around v5: what it decodes is, and what it allocates
// for itself.
func TestNoAllocationsAroundV5(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector a sync.Pool forgets at random")
	}
	var m Msgpack
	p := samplePlayer()
	var v any = &p
	b, _ := m.Append(make([]byte, 0, 256), v)
	if n := testing.AllocsPerRun(100, func() { b, _ = m.Append(b[:0], v) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
	// The name.
	if n := testing.AllocsPerRun(100, func() { m.Decode(b, v) }); n != 1 {
		t.Errorf("Decode: %v allocations, want 1", n)
	}
	l := []any{int64(1), "a", nil, map[string]any{"a": 1.5}}
	v = l
	if n := testing.AllocsPerRun(100, func() { b, _ = m.Append(b[:0], v) }); n != 0 {
		t.Errorf("Append of %v: %v allocations", l, n)
	}
}

func TestManyGoroutines(t *testing.T) {
	var m Msgpack
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				p := samplePlayer()
				p.Level = g*1000 + i
				b, err := m.Append(nil, p)
				if err != nil {
					t.Error(err)
				}
				m.Decode([]byte("\x81\xa1T\xc0"), new(everything))
				var q player
				if err := m.Decode(b, &q); err != nil || p != q {
					t.Errorf("%v came back as %v, %v", p, q, err)
				}
				if _, err := m.DecodeAny(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
