package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Streams of frames that straddle, each with a Reader of its own and the same Spares,
// come out whole, and nobody's frame lies in another's buffer.
func TestReadersShareSpares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var spares Spares
	type side struct {
		r    Reader
		in   []byte
		want []Frame
	}
	sides := make([]side, 3*keptSpares)
	for i := range sides {
		sizes := make([]int, 20)
		for j := range sizes {
			sizes[j] = random.IntN(100 << 10)
		}
		sides[i].in, sides[i].want = sequence(sizes...)
		sides[i].r.Spares = &spares
	}
	for left := len(sides); left > 0; {
		s := &sides[random.IntN(len(sides))]
		if len(s.in) == 0 {
			continue
		}
		f, n, err := s.r.Next(s.in[:min(1+random.IntN(40<<10), len(s.in))])
		if err != nil {
			t.Fatal(err)
		}
		s.in = s.in[n:]
		if f != nil {
			if !bytes.Equal(f, s.want[0]) {
				t.Fatal("a frame has come out as another one")
			}
			if s.want = s.want[1:]; len(s.want) == 0 {
				left--
			}
		}
	}
}

// With Spares a stream of frames that straddle makes no garbage.
func TestStraddlingFramesAllocateNothing(t *testing.T) {
	for _, size := range []int{8 << 10, 64 << 10, 200 << 10} {
		b, _ := sequence(size)
		for _, cut := range []int{len(b) / 3, len(b) / 2, len(b) - 1} {
			var spares Spares
			r := Reader{Spares: &spares}
			if n := testing.AllocsPerRun(100, func() {
				for rest := b; len(rest) > 0; {
					f, n, err := r.Next(rest[:min(cut, len(rest))])
					if rest = rest[n:]; err != nil || len(rest) == 0 && f == nil {
						t.Fatal(f, err)
					}
				}
				r.Reset()
			}); n > 1 { // for the first part, if that is short
				t.Errorf("%v allocations for a frame of %d bytes in parts of %d", n, size, cut)
			}
		}
	}
}

// A spare buffer is no larger than one of its own may be beside what has arrived.
func TestSparesFollowWhatHasArrived(t *testing.T) {
	var spares Spares
	for _, size := range []int{leastSpare, 16 << 10, 64 << 10, mostSpare} {
		spares.put(make([]byte, 0, size))
	}
	for n := leastSpare; n <= mostSpare; n += 999 {
		b := spares.take(n)
		if c := cap(b); c != 0 && (c < n || c > 4*n) {
			t.Fatalf("%d bytes for %d", c, n)
		}
		spares.put(b)
	}
	spares.put(make([]byte, 0, mostSpare+1))
	if b := spares.take(mostSpare / 2); cap(b) > mostSpare {
		t.Errorf("%d bytes are kept", cap(b))
	}
}
