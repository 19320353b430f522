package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bytes are those that PROTOCOL.md shows.
func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	version := AppendUint(AppendText(AppendMap(nil, 1), "version"), 1)
	maxFrame := AppendUint(AppendText(append(AppendMap(nil, 2), version[1:]...), "maxframe"), 1<<20)
	for _, test := range []struct {
		id      uint16
		payload []byte
		want    string
	}{
		{0, version, "0000000c000081a776657273696f6e01"},
		{0, maxFrame, "0000001a000082a776657273696f6e01a86d61786672616d65ce00100000"},
		{3, Nil, "000000030003c0"},
		{1, AppendText(AppendText(AppendMap(nil, 1), "reason"), "reason.bye"), "00000015000181a6726561736f6eaa726561736f6e2e627965"},
	} {
		got := AppendFrame(nil, test.id, test.payload)
		if !bytes.Equal(got, unhex(t, test.want)) {
			t.Errorf("packet %d is %x, want %s", test.id, got, test.want)
		}
		f, err := ReadFrame(bytes.NewReader(got), nil, 1<<20)
		if err != nil || f.ID() != test.id || !bytes.Equal(f.Payload(), test.payload) {
			t.Errorf("packet %d is read as %x, %v", test.id, []byte(f), err)
		}
	}
}

func TestIntegersAndLengthsAreOfTheShortestForm(t *testing.T) {
	for _, test := range []struct {
		got  []byte
		want string
	}{
		{AppendUint(nil, 0x7f), "7f"},
		{AppendUint(nil, 0x80), "cc80"},
		{AppendUint(nil, 0x100), "cd0100"},
		{AppendUint(nil, 0x10000), "ce00010000"},
		{AppendUint(nil, 1<<32), "cf0000000100000000"},
		{AppendText(nil, strings.Repeat("a", 31))[:1], "bf"},
		{AppendText(nil, strings.Repeat("a", 32))[:2], "d920"},
		{AppendText(nil, strings.Repeat("a", 256))[:3], "da0100"},
		{AppendBytes(nil, make([]byte, 2)), "c4020000"},
		{AppendBytes(nil, make([]byte, 256))[:3], "c50100"},
		{AppendBytes(nil, make([]byte, 1<<16))[:5], "c600010000"},
		{AppendMap(nil, 15), "8f"},
		{AppendMap(nil, 16), "de0010"},
		{AppendMap(nil, 1<<16), "df00010000"},
		{AppendBool(AppendBool(nil, false), true), "c2c3"},
	} {
		if !bytes.Equal(test.got, unhex(t, test.want)) {
			t.Errorf("got %x, want %s", test.got, test.want)
		}
	}
}

func TestTextIsReadInEveryLength(t *testing.T) {
	for _, n := range []int{0, 31, 32, 255, 256, 1<<16 - 1} {
		want := strings.Repeat("x", n)
		b := AppendText(nil, want)
		got, rest, err := ReadText(append(b, 0xc0))
		if err != nil || got != want || !bytes.Equal(rest, Nil) {
			t.Errorf("text of %d bytes: got %d, then %x, %v", n, len(got), rest, err)
		}
		if _, _, err := ReadText(b[:n]); err == nil {
			t.Errorf("text of %d bytes that is cut off is taken", n)
		}
	}
	if n, rest, err := ReadMap([]byte{0x82, 1}); n != 2 || len(rest) != 1 || err != nil {
		t.Errorf("a map of 2: got %d, %x, %v", n, rest, err)
	}
	for _, b := range [][]byte{nil, {0xc0}} {
		if _, _, err := ReadMap(b); err == nil {
			t.Errorf("%x is taken for a map", b)
		}
	}
}

func TestReadFrameRefusesLengths(t *testing.T) {
	for _, head := range []string{"00000001", "00000065", "ffffffff"} {
		if _, err := ReadFrame(bytes.NewReader(unhex(t, head)), nil, 100); err == nil || !strings.Contains(err.Error(), "a frame of") {
			t.Errorf("a length of %s: got %v", head, err)
		}
	}
}
