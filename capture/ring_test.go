package capture

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
)

// ringRecord is a record as the ring sees one: a length, and as many bytes of x.
func ringRecord(x byte, n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), bytes.Repeat([]byte{x}, n)...)
}

func TestARingGivesWholeRecordsInOrder(t *testing.T) {
	r := newRing(1000)
	if len(r.buf) != 1024 {
		t.Fatalf("it has %d bytes", len(r.buf))
	}
	done := make(chan []byte)
	go func() { // the other side
		var got, spare []byte
		for !bytes.HasSuffix(got, ringRecord(255, 3)) {
			var records []byte
			records, spare = r.front(spare, 300)
			if len(records) > 300 && len(records) != 4+int(binary.BigEndian.Uint32(records)) {
				t.Errorf("%d bytes at once", len(records))
			}
			if len(records) == 0 {
				runtime.Gosched()
			}
			got = append(got, records...)
			r.release(len(records))
		}
		done <- got
	}()
	rnd := rand.New(rand.NewPCG(1, 1))
	var want []byte
	for i := range 20000 {
		b := ringRecord(byte(i%200), rnd.IntN(200)+rnd.IntN(2)*rnd.IntN(600))
		if i == 19999 {
			b = ringRecord(255, 3)
		}
		for !r.fits(len(b)) {
			runtime.Gosched()
		}
		cut := rnd.IntN(len(b)-3) + 4 - 1
		r.push(b[:cut], b[cut:])
		want = append(want, b...)
	}
	if got := <-done; !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, and not the %d that went in", len(got), len(want))
	}
	if r.fits(1025) || !r.fits(1024) {
		t.Error("an empty ring has room for what it is long")
	}
}
