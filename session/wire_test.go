package session

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
)

// A message comes back as it was, and the bytes are those of PROTOCOL.md.
func TestMessages(t *testing.T) {
	w := window{1, 2}
	for _, m := range []interface{ append([]byte) []byte }{
		&begin{secret{1}, 9, w}, &resume{ID{1, 2, 3}, secret{4}, 8, 5, w}, &accepted{true, ID{1, 2, 3}, secret{4}, 5, w},
		&accepted{false, ID{}, secret{}, 0, window{}}, refusedDenied, &end{7, "why"}, &end{},
	} {
		got, err := readMessage(m.append(nil))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v comes back as %+v, %v", m, got, err)
		}
	}
	if n, ok := readAck(appendAck(nil, 7)); n != 7 || !ok || hex.EncodeToString(appendAck(nil, 7)) != "00050000000000000007" {
		t.Errorf("an ack comes back as %d, %v", n, ok)
	}
	if b := (&end{reason: string(make([]byte, 2*maxEndReason))}).append(nil); len(b) != 2+8+maxEndReason {
		t.Errorf("an end of a long reason has %d bytes", len(b))
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range []interface{ append([]byte) []byte }{&begin{}, &resume{}, &accepted{}, refusedCount, &end{1, "x"}} {
		f.Add(m.append(nil))
	}
	f.Add(appendAck(nil, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMessage(b)
		if bad := (*WireError)(nil); err != nil && !errors.As(err, &bad) {
			t.Errorf("%x is refused with %v", b, err)
		}
		if err == nil && !bytes.Equal(m.(interface{ append([]byte) []byte }).append(nil), b) {
			t.Errorf("%x is read as %+v", b, m)
		}
	})
}

func TestIDs(t *testing.T) {
	for _, id := range []ID{{}, {1, 2, 3}, {1<<16 - 1, 1<<32 - 1, 1<<64 - 1}} {
		if got, err := ParseID(id.String()); err != nil || got != id {
			t.Errorf("%v comes back as %v, %v", id, got, err)
		}
		if got := readID(id.append(nil)); got != id {
			t.Errorf("%v comes back from the wire as %v", id, got)
		}
	}
	for _, text := range []string{"", "1-2", "1-2-3-4", "65536-0-0", "01-0-0", "+1-0-0", "1-2-x", " 1-2-3", "1--3"} {
		if id, err := ParseID(text); err == nil {
			t.Errorf("%q is read as %v", text, id)
		}
	}
	var id ID
	if err := id.UnmarshalText([]byte("1-2-3")); err != nil || id != (ID{1, 2, 3}) {
		t.Errorf("%v, %v", id, err)
	}
	if text, err := id.MarshalText(); err != nil || string(text) != "1-2-3" {
		t.Errorf("%q, %v", text, err)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("1-2-3")
	f.Add("65535-4294967295-18446744073709551615")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err == nil && id.String() != text {
			t.Errorf("%q is read as %v", text, id)
		}
	})
}
