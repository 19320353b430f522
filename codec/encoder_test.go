package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
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

// An encoder or decoder that took a large payload would hold as much for ever.
func TestLargeCodersAreNotKept(t *testing.T) {
	var m Msgpack
	big := struct{ S, A any }{S: strings.Repeat("x", maxKept)} // any: by v5
	b, err := m.Append(nil, big)
	if err != nil {
		t.Fatal(err)
	}
	if m.encoders.Get() != nil {
		t.Error("the encoder was kept")
	}
	if err := m.Decode(b, &struct{ S, A any }{}); err != nil {
		t.Fatal(err)
	}
	if m.decoders.Get() != nil {
		t.Error("the decoder was kept")
	}
}

// Nothing is allocated around v5: what it decodes is, and what it allocates
// for itself.
func TestNoAllocationsAroundV5(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector a sync.Pool forgets at random")
	}
	var m Msgpack
	type byV5 struct {
		player
		A any
	}
	var v any = &byV5{player: samplePlayer()}
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
