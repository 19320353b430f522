package call

import (
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// The bytes of PROTOCOL.md are those that go out, and come in again.
func TestTheBytesOfTheProtocol(t *testing.T) {
	type order struct{ Price int }
	type receipt struct{ Total int }
	m := new(codec.Msgpack)
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		id uint16
		v  any
	}{
		"asks":     {40, &Request[order]{ID: 1, MS: 2000, Body: &order{3}}},
		"answers":  {41, &Response[receipt]{ID: 1, Body: &receipt{3}}},
		"an error": {41, &Response[receipt]{ID: 2, Error: &Failure{Name: "shop:poor", Text: "no credit"}}},
		"cancels":  {40, nil},
	} {
		payload := appendCancel(nil, 3)
		if test.v != nil {
			if payload, err = m.Append(nil, test.v); err != nil {
				t.Fatal(err)
			}
			if err := m.Decode(payload, test.v); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		frame := hex.EncodeToString(codec.AppendFrame(nil, test.id, payload))
		if !strings.Contains(string(text), "`"+frame+"`") {
			t.Errorf("PROTOCOL.md does not have %s, which %s", frame, what)
		}
	}
}

// What is no request, and no cancel, is told apart from its first bytes.
func TestHead(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		n       int
		id      uint64
		err     error
	}{
		"asks":             {"9305cd07d0c0", 3, 5, nil},
		"asks, long forms": {"dc0003cf0000000000000005cd07d0c0", 3, 5, nil},
		"cancels":          {"9105", 1, 5, nil},
		"cancels, long":    {"dd00000001cd0500", 1, 0x500, nil},
		"no id":            {"9100", 1, 0, ErrNoID},
		"something after":  {"910500", 1, 0, codec.ErrTrailing},
		"below 0":          {"91ff", 1, 0, codec.ErrRange},
		"text":             {"91a131", 1, 0, codec.ErrKind},
		"nil":              {"c0", 0, 0, codec.ErrKind},
		"empty array":      {"90", 0, 0, codec.ErrTruncated},
		"nothing":          {"", 0, 0, codec.ErrTruncated},
	} {
		payload, err := hex.DecodeString(test.payload)
		if err != nil {
			t.Fatal(err)
		}
		n, id, err := head(payload)
		if n != test.n || id != test.id || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d, %d, %v; want %d, %d, %v", name, n, id, err, test.n, test.id, test.err)
		}
		if n == 1 && !mayCancel(payload) {
			t.Errorf("%s: is taken for no cancel", name)
		}
	}
}
