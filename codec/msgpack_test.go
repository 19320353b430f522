package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
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

// An any holds the same wherever it lies.
func TestAnyIsAsOfDecodeAny(t *testing.T) {
	for _, in := range []string{
		"\xc0", "\xc3", "\x05", "\xcc\xff", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xd0\x80", "\xca?\xc0\x00\x00", "\xa1a",
		"\xc4\x01a", "\x92\x01\xc4\x01a", "\x81\xc4\x01a\xc4\x01b", "\x81\x01\xcc\x02", "\xd6\xff1234", "\xd4\x051", "\x81\xc4\x01\xff\x01",
	} {
		var m Msgpack
		want, err := m.DecodeAny([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		var field struct{ A any }
		if err := m.Decode([]byte("\x81\xa1A"+in), &field); err != nil || !equal(field.A, want) {
			t.Errorf("%x into a field: %T %v, %v; want %T %v", in, field.A, field.A, err, want, want)
		}
		var list [1]any
		if err := m.Decode([]byte("\x91"+in), &list); err != nil || !equal(list[0], want) {
			t.Errorf("%x into an array: %v, %v", in, list, err)
		}
		var dict map[int]any
		if err := m.Decode([]byte("\x81\x07"+in), &dict); err != nil || !equal(dict[7], want) {
			t.Errorf("%x into a map: %v, %v", in, dict, err)
		}
		used := struct{ A any }{new(int)}
		if err := m.Decode([]byte("\x81\xa1A"+in), &used); err != nil || !equal(used.A, want) {
			t.Errorf("%x into a field that holds something: %v, %v", in, used.A, err)
		}
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
	for name, c := range map[string]struct {
		in string
		v  any
	}{
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
				m.Decode([]byte("\x81\xa1T\xc3"), new(everything))
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
