package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

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
