package echo

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func frame(t *testing.T, v any) []byte {
	t.Helper()
	p, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(2+len(p)))
	return append(append(b, 0, RequestID), p...)
}

func TestAppendAll(t *testing.T) {
	for _, mode := range []string{Raw, Typed, Any} {
		t.Run(mode, func(t *testing.T) {
			e, err := New(mode)
			if err != nil {
				t.Fatal(err)
			}
			one := frame(t, payload{Seq: 1 << 40, TS: 1 << 50, Body: []byte("abc")})
			two := frame(t, payload{Seq: 1<<40 + 1, TS: 1, Body: make([]byte, 1000)})
			in := append(append(append([]byte{}, one...), two...), one[:len(one)-1]...)
			out, used, err := e.AppendAll([]byte("before"), in)
			if err != nil || used != len(one)+len(two) {
				t.Fatalf("%d bytes of %d, %v", used, len(in), err)
			}
			out, found := bytes.CutPrefix(out, []byte("before"))
			if !found || len(out) != used {
				t.Fatalf("%d bytes, want %d", len(out), used)
			}
			for _, f := range [][]byte{one, two} {
				if id := binary.BigEndian.Uint16(out[4:]); id != ReplyID || !bytes.Equal(out[:4], f[:4]) {
					t.Errorf("header %x", out[:Header])
				}
				var got, want payload
				if err := msgpack.Unmarshal(out[Header:len(f)], &got); err != nil {
					t.Fatal(err)
				}
				if err := msgpack.Unmarshal(f[Header:], &want); err != nil {
					t.Fatal(err)
				}
				if got.Seq != want.Seq || got.TS != want.TS || !bytes.Equal(got.Body, want.Body) {
					t.Errorf("got %+v, want %+v", got, want)
				}
				out = out[len(f):]
			}
		})
	}
}

func TestBadFrames(t *testing.T) {
	for name, in := range map[string][]byte{
		"length 1":  {0, 0, 0, 1, 0, 17},
		"too long":  {0xff, 0, 0, 0, 0, 17},
		"wrong id":  {0, 0, 0, 2, 0, 18},
		"no object": {0, 0, 0, 3, 0, 17, 0xc1},
	} {
		e, err := New(Typed)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.AppendAll(nil, in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New("other"); err == nil {
		t.Error("a mode that there is not")
	}
}

func TestLength(t *testing.T) {
	if _, ok, err := Length([]byte{0, 0, 0, 2, 0}); ok || err != nil {
		t.Errorf("half a header: %v %v", ok, err)
	}
	if n, ok, err := Length([]byte{0, 0, 0, 9, 0, 17}); n != 13 || !ok || err != nil {
		t.Errorf("a header: %d %v %v", n, ok, err)
	}
}
