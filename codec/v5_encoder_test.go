package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

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

// long has code for v5 that writes and reads text.
type long struct{ s string }

func (l *long) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString(l.s) }

func (l *long) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	l.s, err = d.DecodeString()
	return err
}

// An encoder or decoder that took a large payload would hold as much for ever.
func TestLargeCodersAreNotKept(t *testing.T) {
	var m Msgpack
	big := long{strings.Repeat("x", maxKept)}
	b, err := m.Append(nil, &big)
	if err != nil {
		t.Fatal(err)
	}
	if m.encoders.Get() != nil {
		t.Error("the encoder was kept")
	}
	if err := m.Decode(b, new(long)); err != nil {
		t.Fatal(err)
	}
	if m.decoders.Get() != nil {
		t.Error("the decoder was kept")
	}
}

// quiet has code for v5 that allocates nothing.
type quiet struct{ n int64 }

func (q *quiet) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(q.n) }

func (q *quiet) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	q.n, err = d.DecodeInt64()
	return err
}

// Nothing is allocated around v5: what it decodes is, and what it allocates
// for itself.
func TestNoAllocationsAroundV5(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector a sync.Pool forgets at random")
	}
	var m Msgpack
	var v any = &struct{ A, B quiet }{}
	b, err := m.Append(make([]byte, 0, 256), v)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { b, _ = m.Append(b[:0], v) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { m.Decode(b, v) }); n != 0 {
		t.Errorf("Decode: %v allocations", n)
	}
	l := []any{int64(1), "a", nil, map[string]any{"a": 1.5}}
	v = l
	if n := testing.AllocsPerRun(100, func() { b, _ = m.Append(b[:0], v) }); n != 0 {
		t.Errorf("Append of %v: %v allocations", l, n)
	}
}
