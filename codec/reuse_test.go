package codec

import (
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// A ticket is decoded again and again into one value, whose memory is kept by
// truncation.
type ticket struct {
	Items  []stub
	Ptrs   []*stub
	Lists  [][]string
	Maps   []map[string]string
	Arrays [][2]stub
	Bytes  [][4]byte
	Names  []string
	Blobs  [][]byte
	Anys   []any
	Keyed  map[string][]stub
	Fixed  [3]stub
	Own    []byCustom
	Own2   []opaque
	Kinds  []byMsgList
	Raws   []Raw
	Code   byV5Slices
	*Inner
}

// byV5Slices has code of its own, which leaves all to v5.
type (
	byV5Slices struct {
		Items  []stub
		Fixed  [1]struct{ Lists [][]stub }
		hidden []stub
	}
	v5Slices byV5Slices
)

func (s *byV5Slices) EncodeMsgpack(e *msgpack.Encoder) error {
	return e.Encode([]any{(*v5Slices)(s), s.hidden})
}
func (s *byV5Slices) DecodeMsgpack(d *msgpack.Decoder) error {
	if _, err := d.DecodeArrayLen(); err != nil {
		return err
	}
	return d.DecodeMulti((*v5Slices)(s), &s.hidden)
}

type stub struct {
	Name  string
	Token string `msgpack:",omitempty"`
	Deep  *stub  `msgpack:",omitempty"`
	Kids  []stub `msgpack:",omitempty"`
	More  any    `msgpack:",omitempty"`
}

// opaque decodes itself, and keeps what the object does not mention.
type opaque struct{ A, B int }

func (o *opaque) MarshalMsg(b []byte) ([]byte, error) {
	if o.B == 0 {
		return AppendInt(append(b, fixArray+1), int64(o.A)), nil
	}
	return AppendInt(AppendInt(append(b, fixArray+2), int64(o.A)), int64(o.B)), nil
}

func (o *opaque) UnmarshalMsg(b []byte) ([]byte, error) {
	n, b, err := ReadArrayHeader(b)
	for i := range n {
		var x int64
		if x, b, err = ReadInt(b); err != nil {
			return b, err
		}
		*[...]*int{&o.A, &o.B}[i] = int(x)
	}
	return b, err
}

// truncate keeps all memory that there is in v.
func truncate(v reflect.Value) {
	if s, ok := v.Addr().Interface().(*byV5Slices); ok {
		s.Items, s.hidden, s.Fixed[0].Lists = s.Items[:0], s.hidden[:0], s.Fixed[0].Lists[:0]
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		v.SetLen(0)
	case reflect.Struct:
		for i := range v.NumField() {
			truncate(v.Field(i))
		}
	case reflect.Array:
		v.SetZero()
	case reflect.Map:
		v.Clear()
	case reflect.Pointer:
		v.SetZero()
	case reflect.String:
		v.SetString("")
	}
}

func slicesOf(s ...stub) byV5Slices {
	return byV5Slices{Items: s, Fixed: [1]struct{ Lists [][]stub }{{[][]stub{s, s}}}, hidden: s}
}

// Nothing of one packet shows in the next one.
func TestNothingShowsOfEarlierPackets(t *testing.T) {
	full := stub{"car", "alice's", &stub{Name: "n", Token: "t"}, []stub{{"kid", "t", nil, nil, 1}}, "more"}
	rich := ticket{
		Items: []stub{full, full, full}, Ptrs: []*stub{&full, &full}, Lists: [][]string{{"a", "b"}, {"c"}},
		Maps: []map[string]string{{"token": "alice's"}, {"b": "c"}}, Arrays: [][2]stub{{full, full}}, Bytes: [][4]byte{{1, 2, 3, 4}},
		Names: []string{"a", "b"}, Blobs: [][]byte{[]byte("alice's"), []byte("b")}, Anys: []any{map[string]any{"a": 1}, "b"},
		Keyed: map[string][]stub{"a": {full}}, Fixed: [3]stub{full, full, full}, Own: []byCustom{{1}, {2}},
		Own2: []opaque{{1, 2}, {3, 4}}, Kinds: []byMsgList{{1, 2}}, Raws: []Raw{Raw("\xa1a")}, Code: slicesOf(full, full), Inner: &Inner{1, "y"},
	}
	poor := ticket{
		Items: []stub{{Name: "pen"}, {}}, Ptrs: []*stub{{Name: "p"}, nil}, Lists: [][]string{nil, {"d"}},
		Maps: []map[string]string{{"mine": "1"}}, Arrays: [][2]stub{{{Name: "x"}, {}}}, Bytes: [][4]byte{{9}},
		Names: []string{""}, Blobs: [][]byte{nil, {}}, Anys: []any{nil}, Keyed: map[string][]stub{"a": {{Name: "x"}}},
		Own: []byCustom{{}}, Own2: []opaque{{5, 0}}, Kinds: []byMsgList{{}}, Raws: []Raw{nil}, Code: slicesOf(stub{Name: "pen"}),
	}
	var m Msgpack
	for _, order := range [][]ticket{{rich, poor}, {rich, poor, rich, poor}, {rich, {}, poor}, {poor, rich}} {
		var got ticket
		for i := range order {
			b, err := m.Append(nil, &order[i])
			if err != nil {
				t.Fatal(err)
			}
			var want ticket
			if err := m.Decode(b, &want); err != nil {
				t.Fatal(err)
			}
			truncate(reflect.ValueOf(&got).Elem())
			if err := m.Decode(b, &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("packet %d: got\n%+v, sent\n%+v", i, got, want)
			}
		}
	}
}

// The parts of an array that the payload has not are zero.
func TestShortArraysClearTheRest(t *testing.T) {
	var m Msgpack
	bytes, ints := [4]byte{1, 2, 3, 4}, [3]stub{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	if err := m.Decode([]byte("\xc4\x01\x09"), &bytes); err != nil || bytes != [4]byte{9} {
		t.Errorf("%v, %v", bytes, err)
	}
	if err := m.Decode([]byte("\x91\x81\xa4Name\xa1x"), &ints); err != nil || !reflect.DeepEqual(ints, [3]stub{{Name: "x"}}) {
		t.Errorf("%v, %v", ints, err)
	}
	for _, v := range []any{&bytes, &ints} {
		if err := m.Decode([]byte("\xc0"), v); err != nil || !reflect.ValueOf(v).Elem().IsZero() {
			t.Errorf("nil: %v, %v", v, err)
		}
	}
}
