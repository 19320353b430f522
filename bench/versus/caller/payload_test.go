package caller

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Whatever its size, a payload is what msgpack makes of a struct again.
func TestPayloadIsMsgpack(t *testing.T) {
	for _, size := range []int{MinSize, 64, MinSize + 255, 1024, 64 << 10, 1 << 17} {
		p := newPayloads(size)
		b := p.append(nil, 1<<40, 7)
		if len(b) != size {
			t.Errorf("size %d: %d bytes", size, len(b))
		}
		var v struct {
			Seq  uint64 `msgpack:"seq"`
			TS   uint64 `msgpack:"ts"`
			Body []byte `msgpack:"body"`
		}
		if err := msgpack.Unmarshal(b, &v); err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		if v.Seq != 1<<40 || v.TS != 7 || !bytes.Equal(v.Body, p.body(v.Seq)) {
			t.Errorf("size %d: %+v", size, v)
		}
		again, err := msgpack.Marshal(&v)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("size %d: encodes as %x, %v, want %x", size, again, err, b)
		}
		if err := p.check(b, v.Seq, v.TS); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// Sizes at which the body's header grows have a longer one than they need.
func TestPayloadSizes(t *testing.T) {
	for size := MinSize; size < MinSize+300; size++ {
		if n := len(newPayloads(size).append(nil, 1, 1)); n != size {
			t.Fatalf("size %d: %d bytes", size, n)
		}
	}
	for size := MinSize + 1<<16 - 5; size < MinSize+1<<16+5; size++ {
		if n := len(newPayloads(size).append(nil, 1, 1)); n != size {
			t.Fatalf("size %d: %d bytes", size, n)
		}
	}
}

func TestEveryByteIsChecked(t *testing.T) {
	p := newPayloads(300)
	b := p.append(nil, 3, 4)
	for i := range b {
		b[i] ^= 0x10
		if p.check(b, 3, 4) == nil {
			t.Errorf("byte %d may be wrong", i)
		}
		b[i] ^= 0x10
	}
	if err := p.check(b, 3, 4); err != nil {
		t.Fatal(err)
	}
}
