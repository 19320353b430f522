package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bytes are those of the original.
func TestWireConstants(t *testing.T) {
	for _, c := range []struct {
		id      uint16
		payload string
		want    string
	}{
		{0, "81a776657273696f6e01", "0000000c000081a776657273696f6e01"},
		{3, "c0", "000000030003c0"},
		{0x1234, "", "000000021234"},
		{65535, "7f", "00000003ffff7f"},
	} {
		payload := unhex(t, c.payload)
		got := AppendFrame([]byte("x"), c.id, payload)
		if want := append([]byte("x"), unhex(t, c.want)...); !bytes.Equal(got, want) {
			t.Errorf("AppendFrame(%d, %s) = %x, want %x", c.id, c.payload, got, want)
		}
		open := append(BeginFrame([]byte("x"), c.id), payload...)
		closed, err := EndFrame(open, 1, 0)
		if err != nil || !bytes.Equal(closed, got) {
			t.Errorf("BeginFrame, EndFrame = %x, %v, want %x", closed, err, got)
		}
		f := Frame(got[1+LengthSize:])
		if f.ID() != c.id || !bytes.Equal(f.Payload(), payload) {
			t.Errorf("Frame %x: id %d, payload %x", f, f.ID(), f.Payload())
		}
	}
}

func TestEndFrameTakesBackWhatIsTooLong(t *testing.T) {
	const max = 100
	for _, n := range []int{max - IDSize, max - IDSize + 1} {
		before := []byte("earlier frames")
		b := append(BeginFrame(before, 7), make([]byte, n)...)
		got, err := EndFrame(b, len(before), max)
		if n+IDSize <= max {
			if err != nil || len(got) != len(b) {
				t.Errorf("payload of %d: %d bytes, %v", n, len(got), err)
			}
			continue
		}
		var size *SizeError
		if !errors.As(err, &size) || size.Length != int64(n+IDSize) || size.Max != max {
			t.Errorf("payload of %d: error %#v", n, err)
		}
		if !errors.Is(err, ErrLongFrame) {
			t.Errorf("%v is not ErrLongFrame", err)
		}
		if !bytes.Equal(got, before) {
			t.Errorf("left %q, want %q", got, before)
		}
	}
	if _, err := EndFrame(append(BeginFrame(nil, 1), make([]byte, DefaultMaxFrame-IDSize+1)...), 0, 0); err == nil {
		t.Error("a max of 0 lets more than DefaultMaxFrame pass")
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	payload := []byte{0xc0}
	if n := testing.AllocsPerRun(100, func() {
		b := AppendFrame(buf, 1, payload)
		start := len(b)
		b = append(BeginFrame(b, 2), 0xc0)
		if _, err := EndFrame(b, start, 0); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
