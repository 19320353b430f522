package bench

import (
	"bytes"
	"math"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

func payloads() []payload {
	return []payload{
		{},
		{Seq: 1, TS: 2, Body: []byte{3}},
		{Seq: 127, TS: 128, Body: make([]byte, 255)},
		{Seq: 1 << 16, TS: 1 << 32, Body: make([]byte, 1<<16)},
		{Seq: math.MaxUint64, TS: math.MaxUint64, Body: []byte("body")},
	}
}

// By hand and by the codec, a payload is the same bytes.
func TestPayloadIsPlainMsgpack(t *testing.T) {
	var m codec.Msgpack
	for _, p := range payloads() {
		if p.Body == nil {
			p.Body = []byte{}
		}
		want, err := m.Append(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.append(nil); !bytes.Equal(got, want) {
			t.Errorf("got  %x\nwant %x", got, want)
		}
	}
}

func TestPayloadParse(t *testing.T) {
	for _, p := range payloads() {
		b := p.append(nil)
		var got payload
		if err := got.parse(b); err != nil {
			t.Errorf("%x: %v", b, err)
		}
		if err := p.differs(&got); err != nil {
			t.Error(err)
		}
		for n := range min(len(b), 64) {
			if err := new(payload).parse(b[:n]); err == nil {
				t.Errorf("%x is taken", b[:n])
			}
		}
	}
}

func FuzzPayloadParse(f *testing.F) {
	for _, p := range payloads() {
		f.Add(p.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again payload
		if p.parse(b) != nil {
			return
		}
		if err := again.parse(p.append(nil)); err != nil {
			t.Fatal(err)
		}
		if err := p.differs(&again); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBodies(t *testing.T) {
	const size = 64
	bodies, same := newBodies(size-overhead), newBodies(size-overhead)
	seen := make(map[string]bool)
	for seq := range uint64(windows) {
		body := bodies.of(seq)
		if !bytes.Equal(body, same.of(seq)) {
			t.Fatalf("seq %d does not settle the body", seq)
		}
		seen[string(body)] = true
	}
	if len(seen) != windows {
		t.Errorf("%d bodies in a row, %d of them different", windows, len(seen))
	}
	p := payload{Seq: 100_000, TS: 5e9, Body: bodies.of(100_000)}
	if n := len(p.append(nil)); n != size {
		t.Errorf("a payload takes %d bytes, want %d", n, size)
	}
}
