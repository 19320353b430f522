package restart

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestPack(t *testing.T) {
	for _, values := range [][][]byte{nil, {nil}, {[]byte("a"), nil, bytes.Repeat([]byte("b"), 100000)}} {
		got, err := Unpack(Pack(values))
		if err != nil || !slices.EqualFunc(got, values, bytes.Equal) {
			t.Errorf("%d values became %d, %v", len(values), len(got), err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack([][]byte{[]byte("a"), nil}))
	f.Add([]byte{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := Unpack(b)
		var wrong *MessageError
		if err != nil && !errors.As(err, &wrong) {
			t.Error(err)
		}
		if err == nil {
			if again, err := Unpack(Pack(values)); err != nil || !slices.EqualFunc(again, values, bytes.Equal) {
				t.Errorf("%q became %q, %v", values, again, err)
			}
		}
	})
}
