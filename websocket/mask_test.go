package websocket

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Every length, key and distance, against the definition of the RFC.
func TestMaskIsThatOfTheRFC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		for _, before := range []int{0, 1, 2, 6, 8, 14, 31, 40} {
			b := make([]byte, before+n)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			src := bytes.Clone(b[before:])
			var key [4]byte
			binary.LittleEndian.PutUint32(key[:], r.Uint32())
			want := make([]byte, n)
			for i := range want {
				want[i] = src[i] ^ key[i%4]
			}
			next := mask(b[:n], b[before:], binary.LittleEndian.Uint32(key[:]))
			if !bytes.Equal(b[:n], want) {
				t.Fatalf("%d bytes moved by %d: got %x, want %x", n, before, b[:n], want)
			}
			if byte(next) != key[n%4] {
				t.Fatalf("after %d bytes the key goes on with %#x, want %#x", n, byte(next), key[n%4])
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}} {
		b.Run(size.name, func(b *testing.B) {
			buf := make([]byte, size.n)
			b.SetBytes(int64(size.n))
			key := uint32(0x12345678)
			for b.Loop() {
				key = mask(buf, buf, key)
			}
		})
	}
}
