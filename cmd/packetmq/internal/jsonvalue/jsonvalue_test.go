package jsonvalue_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/jsonvalue"
	"github.com/packetmq/packetmq/codec"
)

func Example() {
	payload, err := jsonvalue.Encode([]byte(`{"Name": "sword", "Price": 3}`))
	fmt.Printf("%x %v\n", payload, err)
	text, err := jsonvalue.Decode(payload)
	fmt.Println(string(text), err)
	// Output:
	// 82a44e616d65a573776f7264a5507269636503 <nil>
	// {"Name":"sword","Price":3} <nil>
}

// values are JSON and its msgpack, both ways.
var values = []struct{ text, payload string }{
	{`null`, "c0"},
	{`true`, "c3"},
	{`0`, "00"},
	{`-1`, "ff"},
	{`300`, "cd012c"},
	{`9223372036854775807`, "cf7fffffffffffffff"},
	{`18446744073709551615`, "cfffffffffffffffff"},
	{`-9223372036854775808`, "d38000000000000000"},
	{`1.0`, "cb3ff0000000000000"},
	{`-0.5`, "cbbfe0000000000000"},
	{`1e+300`, "cb7e37e43c8800759c"},
	{`"<é>"`, "a43cc3a93e"},
	{`[]`, "90"},
	{`[1,[2,"a"],{}]`, "93019202a16180"},
	{`{"b":1,"a":{"c":null}}`, "82a16201a16181a163c0"},
	{`{"$bytes":"3q2+7w=="}`, "c404deadbeef"},
	{`{"$time":"2026-01-02T03:04:05Z"}`, "d6ff695735a5"},
	{`{"$float":"NaN"}`, "cb7ff8000000000001"},
	{`{"$float":"-Inf"}`, "cbfff0000000000000"},
	{`{"$map":[[1,"one"],[null,[]]]}`, "8201a36f6e65c090"},
	{`{"$map":[["$bytes",1]]}`, "81a62462797465730" + "1"},
	{`{"$ext":[5,"3q2+7w=="]}`, "d605deadbeef"},
	{`{"$ext":[-1,"AAAAAAD/////////"]}`, ""},
}

func TestBothWays(t *testing.T) {
	for _, v := range values {
		payload, err := jsonvalue.Encode([]byte(v.text))
		if err != nil || v.payload != "" && hex.EncodeToString(payload) != v.payload {
			t.Errorf("%s: encoded as %x, %v; want %s", v.text, payload, err, v.payload)
			continue
		}
		text, err := jsonvalue.Decode(payload)
		if err != nil || string(text) != v.text {
			t.Errorf("%s: came back as %s, %v", v.text, text, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "unexpected EOF",
		`{`:                              "unexpected EOF",
		`[1`:                             "unexpected EOF",
		`{"a" 1}`:                        "invalid character",
		`1 2`:                            "something follows",
		`18446744073709551616`:           "out of range",
		`-9223372036854775809`:           "invalid syntax",
		`{"$bytes":"!"}`:                 "$bytes: illegal base64",
		`{"$bytes":"","a":1}`:            "$bytes is not alone",
		`{"$time":"now"}`:                "$time: ",
		`{"$float":"x"}`:                 "$float: ",
		`{"$map":[[1]]}`:                 "$map: ",
		`{"$ext":[200,""]}`:              "$ext: ",
		strings.Repeat("[", 40) + "1":    "nested",
		strings.Repeat(`{"a":`, 40) + "": "nested",
	} {
		if _, err := jsonvalue.Encode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", text, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, payload := range []string{"", "c1", "92", "01" + "02", "a1ff", "81c0", strings.Repeat("91", 40) + "00"} {
		b, _ := hex.DecodeString(payload)
		if text, err := jsonvalue.Decode(b); err == nil {
			t.Errorf("%s is %s", payload, text)
		}
	}
}

// What is decoded comes back as the same when it is encoded, and every payload that packets
// may have can be shown.
func FuzzDecode(f *testing.F) {
	for _, v := range values {
		payload, _ := hex.DecodeString(v.payload)
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		text, err := jsonvalue.Decode(payload)
		if err != nil {
			if new(codec.Limits).Check(payload) == nil {
				t.Fatalf("%x cannot be shown: %v", payload, err)
			}
			return
		}
		again, err := jsonvalue.Encode(text)
		if err != nil {
			t.Fatalf("%x is %s, which is not taken back: %v", payload, text, err)
		}
		if back, err := jsonvalue.Decode(again); err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%s came back as %s, %v", text, back, err)
		}
	})
}
