package codec

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func TestExtWantsAnExt(t *testing.T) {
	var m Msgpack
	for _, in := range []string{"\x01", "\xa1a", "\x90"} {
		var e *CodecError
		if err := m.Decode([]byte(in), new(Ext)); !errors.As(err, &e) || !errors.Is(err, ErrKind) {
			t.Errorf("%x: %v", in, err)
		}
	}
}

func TestRaw(t *testing.T) {
	var m Msgpack
	b := []byte("\x92\x01\xa1a")
	var r Raw
	if err := m.Decode(b, &r); err != nil || !bytes.Equal(r, b) {
		t.Fatalf("%x, %v", r, err)
	}
	b[1] = 9
	if r[1] != 1 {
		t.Error("a Raw shares the payload")
	}
	got, err := m.Append([]byte("x"), r)
	if err != nil || string(got) != "x\x92\x01\xa1a" {
		t.Errorf("%q, %v", got, err)
	}
	type pair struct{ A, B Raw }
	got, err = m.Append(nil, pair{A: r})
	if err != nil || string(got) != "\x82\xa1A\x92\x01\xa1a\xa1B\xc0" {
		t.Errorf("%q, %v", got, err)
	}
	p := pair{A: Raw("old"), B: r}
	if err := m.Decode(got, &p); err != nil || !bytes.Equal(p.A, r) || p.B != nil {
		t.Errorf("%x, %v", p, err)
	}
	if got, err = m.Append(nil, Raw(nil)); err != nil || string(got) != "\xc0" {
		t.Errorf("%x, %v", got, err)
	}
	if got, err = m.Append(nil, &r); err != nil || !bytes.Equal(got, r) {
		t.Errorf("%x, %v", got, err)
	}
}

// Raw and Ext may meet a decoder that no guard stands before.
func TestRawAndExtWithoutGuard(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("v5 takes a length over 2 GiB for a negative one")
	}
	for _, b := range bombs() {
		if len(b) > 1000 {
			continue
		}
		took := allocated(func() {
			for _, v := range []any{new(Raw), new(Ext)} {
				if err := msgpack.NewDecoder(bytes.NewReader(b)).Decode(v); err == nil && b[0] > 0xc6 {
					t.Errorf("%x into %T", b, v)
				}
			}
		})
		if took > 16<<20 {
			t.Errorf("%x: %d bytes", b, took)
		}
	}
	enc := msgpack.NewEncoder(io.Discard)
	for _, v := range []any{Raw("\xc1"), Ext{Type: -7}} {
		if err := enc.Encode(v); err == nil {
			t.Errorf("%v is encoded", v)
		}
	}
}
