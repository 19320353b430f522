package codec

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"unsafe"
)

// stream is all frames of b, copied, the error that ended it, and what the
// Reader still holds. cut says how many of the bytes left to give to Next.
func stream(r *Reader, b []byte, cut func(left int) int) (frames []Frame, err error) {
	for len(b) > 0 {
		chunk := bytes.Clone(b[:cut(len(b))])
		b = b[len(chunk):]
		for len(chunk) > 0 {
			f, n, err := r.Next(chunk)
			if err != nil {
				return frames, err
			}
			if f == nil && n != len(chunk) {
				return frames, fmt.Errorf("no frame, and %d of %d bytes used", n, len(chunk))
			}
			if f != nil {
				frames = append(frames, bytes.Clone(f))
			}
			chunk = chunk[n:]
		}
	}
	return frames, nil
}

func whole(left int) int { return left }

func same(a, b []Frame) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func sequence(sizes ...int) (b []byte, frames []Frame) {
	for i, n := range sizes {
		start := len(b)
		b = AppendFrame(b, uint16(i+1), pattern(n))
		frames = append(frames, bytes.Clone(b[start+LengthSize:]))
	}
	return b, frames
}

func TestCutTakesWholeFramesOnly(t *testing.T) {
	b, want := sequence(3, 0)
	refused := errors.New("refused")
	refuse := func(uint16, int) error { return refused }
	first := len(want[0]) + LengthSize
	for n := range first {
		if f, used, err := Cut(b[:n], 0, refuse); f != nil || used != 0 || err != nil {
			t.Errorf("of %d bytes: %v, %d, %v", n, f, used, err)
		}
	}
	f, used, err := Cut(b, 0, nil)
	if !bytes.Equal(f, want[0]) || used != first || err != nil {
		t.Errorf("%v, %d, %v", f, used, err)
	}
	if unsafe.SliceData(f) != &b[LengthSize] {
		t.Error("the frame was copied")
	}
	if f, _, err := Cut(b, 0, refuse); f != nil || err != refused {
		t.Errorf("%v, %v", f, err)
	}
	var size *SizeError
	if f, _, err := Cut(b, len(want[0])-1, refuse); f != nil || !errors.As(err, &size) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestReaderAtEveryCut(t *testing.T) {
	b, want := sequence(0, 1, 10, 0, 0, 3, 700, 2, 0)
	for i := range len(b) + 1 {
		for _, j := range []int{i, i + 1, i + 5, i + 600} {
			if j > len(b) {
				continue
			}
			ends := []int{i, j, len(b)}
			at := 0
			var r Reader
			got, err := stream(&r, b, func(left int) int {
				at = len(b) - left
				for ends[0] <= at {
					ends = ends[1:]
				}
				return ends[0] - at
			})
			if err != nil || !same(got, want) {
				t.Fatalf("cut at %d and %d: %d frames of %d, %v", i, j, len(got), len(want), err)
			}
			if r.Buffered() != 0 {
				t.Fatalf("cut at %d and %d: %d bytes left over", i, j, r.Buffered())
			}
		}
	}
}

func TestReaderInPiecesOfAnySize(t *testing.T) {
	b, want := sequence(100000, 5, 0, 511, 512, 513, 66000)
	for _, size := range []int{1, 2, 3, 4, 5, 6, 7, 100, 511, 513, 4096, 65536} {
		var r Reader
		got, err := stream(&r, b, func(left int) int { return min(size, left) })
		if err != nil || !same(got, want) {
			t.Fatalf("pieces of %d: %d frames of %d, %v", size, len(got), len(want), err)
		}
	}
}

func TestReaderReturnsWholeFramesInPlace(t *testing.T) {
	b, _ := sequence(10, 20)
	var r Reader
	f, n, err := r.Next(b)
	if err != nil || n != HeaderSize+10 {
		t.Fatalf("n = %d, %v", n, err)
	}
	if &f[0] != &b[LengthSize] {
		t.Error("the frame was copied")
	}
	if cap(f) != len(f) {
		t.Error("appending to a frame would overwrite the next one")
	}
}

func TestReaderBuffered(t *testing.T) {
	b, _ := sequence(10)
	var r Reader
	for i := range b[:len(b)-1] {
		if f, n, err := r.Next(b[i : i+1]); f != nil || n != 1 || err != nil {
			t.Fatalf("byte %d: %x, %d, %v", i, f, n, err)
		}
		if r.Buffered() != i+1 {
			t.Fatalf("Buffered() = %d after %d bytes", r.Buffered(), i+1)
		}
	}
	if f, _, _ := r.Next(b[len(b)-1:]); f == nil || r.Buffered() != 0 {
		t.Errorf("frame %x, Buffered() = %d after it", f, r.Buffered())
	}
}

func TestReaderReleasesItsBuffer(t *testing.T) {
	b, _ := sequence(1000)
	for _, release := range []func(*Reader){
		func(r *Reader) { r.Next(b) },
		func(r *Reader) { r.Next(nil) },
		(*Reader).Reset,
	} {
		var r Reader
		r.Next(b[:500])
		if r.body == nil {
			t.Fatal("nothing was buffered")
		}
		if f, _, _ := r.Next(b[500:]); f == nil {
			t.Fatal("no frame")
		}
		release(&r)
		if r.body != nil {
			t.Error("the buffer outlived the next call")
		}
	}
}

func TestReaderIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Reader{}); n > 72 {
		t.Errorf("a Reader takes %d bytes, every conn of which a frame is under way has one", n)
	}
}

// A header alone, or one with little after it, must not reserve much.
func TestReaderReservesByWhatArrived(t *testing.T) {
	const length = DefaultMaxFrame
	head := []byte{0, 0x10, 0, 0, 0, 9}
	var r Reader
	r.Next(head)
	if r.body != nil {
		t.Errorf("a header reserved %d bytes", cap(r.body))
	}
	sent := IDSize
	for sent < length {
		step := min(1+sent/3, length-sent)
		f, n, err := r.Next(make([]byte, step))
		if err != nil || n != step {
			t.Fatal(n, err)
		}
		if sent += step; (f != nil) != (sent == length) {
			t.Fatalf("frame %v at %d of %d bytes", f != nil, sent, length)
		}
		if c := cap(r.body); c > max(minBody, 4*sent) || c > length {
			t.Fatalf("%d bytes reserved with %d there", c, sent)
		}
	}

	r.Reset()
	r.Next(head)
	r.Next(make([]byte, length-IDSize))
	if cap(r.body) != length {
		t.Errorf("%d bytes for a frame of %d that came in one piece", cap(r.body), length)
	}
}

func TestReaderRefusesLengths(t *testing.T) {
	for _, c := range []struct {
		name     string
		in       string
		max      int
		is       error
		protocol string
	}{
		{"0", "\x00\x00\x00\x00", 0, ErrShortFrame, ""},
		{"1", "\x00\x00\x00\x01", 0, ErrShortFrame, ""},
		{"over default", "\x00\x10\x00\x01", 0, ErrLongFrame, ""},
		{"over max", "\x00\x00\x00\x65", 100, ErrLongFrame, ""},
		{"4 GiB", "\xff\xff\xff\xff", 0, ErrLongFrame, ""},
		{"HTTP request", "GET / HTTP/1.1\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP upload", "POST / HTTP/1.1\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP put", "PUT /x HTTP/1.1\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP head", "HEAD / HTTP/1.0\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP options", "OPTIONS * HTTP/1.1\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP answer", "HTTP/1.1 200 OK\r\n", 0, ErrLongFrame, "HTTP"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n", 0, ErrLongFrame, "HTTP"},
		{"TLS", "\x16\x03\x01\x02\x00\x01", 0, ErrLongFrame, "TLS"},
		{"TLS 1.2 record", "\x16\x03\x03\x02\x00\x01", 0, ErrLongFrame, "TLS"},
		{"SSH", "SSH-2.0-OpenSSH\r\n", 0, ErrLongFrame, "SSH"},
		{"proxy 1", "PROXY TCP4 ", 0, ErrLongFrame, "PROXY"},
		{"proxy 2", "\r\n\r\n\x00\r\nQUIT\n", 0, ErrLongFrame, "PROXY"},
	} {
		for _, size := range []int{1, 4, 5, 100} {
			t.Run(fmt.Sprint(c.name, "/", size), func(t *testing.T) {
				r := Reader{Max: c.max, Check: func(uint16, int) error {
					t.Error("asked about a frame that cannot be")
					return nil
				}}
				_, err := stream(&r, []byte(c.in), func(left int) int { return min(size, left) })
				var s *SizeError
				if !errors.As(err, &s) || !errors.Is(err, c.is) || s.Protocol != c.protocol {
					t.Fatalf("error %#v", err)
				}
				if r.Buffered() != 0 {
					t.Error("something is buffered")
				}
				good, want := sequence(1)
				if _, n, again := r.Next(good); again != err || n != 0 {
					t.Errorf("after the error: %d, %v", n, again)
				}
				r.Reset()
				r.Check = nil
				if got, err := stream(&r, good, whole); err != nil || !same(got, want) {
					t.Errorf("after Reset: %v, %v", got, err)
				}
			})
		}
	}
}

func TestReaderRefusesOnTheLengthAlone(t *testing.T) {
	var r Reader
	for i, c := range []byte{0, 0, 0} {
		if _, _, err := r.Next([]byte{c}); err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	if _, _, err := r.Next([]byte{1}); !errors.Is(err, ErrShortFrame) {
		t.Errorf("error %v with the fourth byte", err)
	}
}

func TestReaderAsksAboutEachFrameOnce(t *testing.T) {
	b, _ := sequence(0, 10, 0, 600)
	for _, size := range []int{1, 5, 6, 7, 11, len(b)} {
		var asked []string
		r := Reader{Check: func(id uint16, length int) error {
			asked = append(asked, fmt.Sprint(id, ":", length))
			return nil
		}}
		if _, err := stream(&r, b, func(left int) int { return min(size, left) }); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(asked); got != "[1:2 2:12 3:2 4:602]" {
			t.Errorf("pieces of %d: asked %s", size, got)
		}
	}
}

func TestReaderCheckRefusesBeforeBuffering(t *testing.T) {
	no := errors.New("no")
	b, _ := sequence(0, 1000)
	for _, size := range []int{1, 12, len(b) - 1, len(b)} {
		r := Reader{Check: func(id uint16, length int) error {
			if id == 2 {
				return no
			}
			return nil
		}}
		got, err := stream(&r, b, func(left int) int { return min(size, left) })
		if err != no || len(got) != 1 || r.body != nil || r.Buffered() != 0 {
			t.Errorf("pieces of %d: %d frames, %v, %d buffered", size, len(got), err, r.Buffered())
		}
	}
}

func TestReaderAllocations(t *testing.T) {
	b, _ := sequence(10, 0, 300, 70000)
	var r Reader
	if n := testing.AllocsPerRun(100, func() {
		for rest := b; len(rest) > 0; {
			_, n, err := r.Next(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
	}); n != 0 {
		t.Errorf("%v allocations for whole frames", n)
	}

	cut, _ := sequence(1000, 0)
	if n := testing.AllocsPerRun(100, func() {
		for _, part := range [][]byte{cut[:600], cut[600:1009], cut[1009:]} {
			for len(part) > 0 {
				_, n, _ := r.Next(part)
				part = part[n:]
			}
		}
	}); n != 1 {
		t.Errorf("%v allocations for a cut frame and one cut in its header, want 1", n)
	}
}

func FuzzReader(f *testing.F) {
	b, _ := sequence(0, 3, 20, 0, 600)
	f.Add(b, []byte{1}, 0)
	f.Add(b, []byte{7, 255, 3}, 100)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), []byte{3}, 0)
	f.Add([]byte{0, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0}, []byte{5}, 0)
	f.Add(append([]byte{0, 0, 16, 0, 0, 1}, make([]byte, 5000)...), []byte{200, 6, 250}, 5000)
	f.Fuzz(func(t *testing.T, b, cuts []byte, max int) {
		one := Reader{Max: max}
		want, wantErr := stream(&one, b, whole)

		k := 0
		many := Reader{Max: max}
		got, err := stream(&many, b, func(left int) int {
			if len(cuts) == 0 {
				return left
			}
			k++
			return min(1+int(cuts[k%len(cuts)]), left)
		})
		if !same(got, want) {
			t.Fatalf("%d frames in pieces, %d at once", len(got), len(want))
		}
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("error %v in pieces, %v at once", err, wantErr)
		}
		if one.Buffered() != many.Buffered() {
			t.Fatalf("%d buffered in pieces, %d at once", many.Buffered(), one.Buffered())
		}
		var back []byte
		for _, f := range got {
			back = AppendFrame(back, f.ID(), f.Payload())
		}
		if !bytes.HasPrefix(b, back) {
			t.Fatal("the frames are not what was sent")
		}
		if wantErr == nil && len(back)+one.Buffered() != len(b) {
			t.Fatalf("%d bytes in frames and %d buffered of %d", len(back), one.Buffered(), len(b))
		}
	})
}
