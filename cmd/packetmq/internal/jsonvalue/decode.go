package jsonvalue

// Decode: from msgpack to JSON.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// Decode returns a payload as one JSON value, without spaces. The payload is held to the
// default limits of packets that are received.
func Decode(payload []byte) (text []byte, err error) {
	if err := new(codec.Limits).Check(payload); err != nil {
		return nil, fmt.Errorf("jsonvalue: %w", err)
	}
	out, _, err := appendValue(nil, payload)
	if err != nil {
		return nil, fmt.Errorf("jsonvalue: %w", err)
	}
	return out, nil
}

// form is the kind of an object of msgpack, of which JSON has one or not.
type form uint8

const (
	none form = iota
	boolean
	integer
	float
	text
	blob
	array
	dict
	ext
)

// formOf is the form of the object that begins with a byte.
func formOf(c byte) form {
	switch {
	case c < 0x80, c >= 0xe0, c >= 0xcc && c <= 0xd3:
		return integer
	case c < 0x90, c >= 0xde:
		return dict
	case c < 0xa0, c >= 0xdc:
		return array
	case c < 0xc0, c >= 0xd9:
		return text
	case c <= 0xc1:
		return none
	case c <= 0xc3:
		return boolean
	case c <= 0xc6:
		return blob
	case c == 0xca, c == 0xcb:
		return float
	}
	return ext
}

// appendValue appends the object at the front of b, which is one that Limits.Check has taken,
// and returns what follows it.
func appendValue(dst, b []byte) (_, rest []byte, err error) {
	switch formOf(b[0]) {
	case boolean:
		v, rest, err := codec.ReadBool(b)
		return strconv.AppendBool(dst, v), rest, err
	case integer:
		return appendInteger(dst, b)
	case float:
		v, rest, err := codec.ReadFloat(b)
		return appendDecimal(dst, v), rest, err
	case text:
		v, rest, err := codec.ReadText(b)
		return appendText(dst, string(v)), rest, err
	case blob:
		v, rest, err := codec.ReadText(b)
		return appendBlob(append(dst, `{"$bytes":`...), v, "}"), rest, err
	case array:
		return appendArray(dst, b)
	case dict:
		return appendMap(dst, b)
	case ext:
		return appendOther(dst, b)
	}
	return append(dst, "null"...), b[1:], nil
}

func appendInteger(dst, b []byte) (_, rest []byte, err error) {
	if v, rest, err := codec.ReadInt(b); err == nil {
		return strconv.AppendInt(dst, v, 10), rest, nil
	}
	v, rest, err := codec.ReadUint(b)
	return strconv.AppendUint(dst, v, 10), rest, err
}

// appendDecimal appends a float with a point or an exponent, so that it stays one.
func appendDecimal(dst []byte, v float64) []byte {
	number := strconv.FormatFloat(v, 'g', -1, 64)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(append(append(dst, `{"$float":"`...), number...), `"}`...)
	}
	if !strings.ContainsAny(number, ".e") {
		number += ".0"
	}
	return append(dst, number...)
}

func appendText(dst []byte, v string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(v) // no text fails
	return append(dst, bytes.TrimSpace(b.Bytes())...)
}

// appendBlob appends bytes as base64, and what follows them.
func appendBlob(dst, v []byte, after string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, v)
	return append(append(dst, '"'), after...)
}

func appendArray(dst, b []byte) (_, rest []byte, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	dst = append(dst, '[')
	for i := 0; i < n && err == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, b, err = appendValue(dst, b)
	}
	return append(dst, ']'), b, err
}

// appendMap appends a map: an object, or an array of pairs where a key is no text.
func appendMap(dst, b []byte) (_, rest []byte, err error) {
	n, b, err := codec.ReadMapHeader(b)
	if err != nil {
		return dst, b, err
	}
	begin, between, each, end := "{", ":", "", "}"
	if !hasTextKeys(n, b) {
		begin, between, each, end = `{"$map":[`, ",", "[", "]}"
	}
	dst = append(dst, begin...)
	for i := 0; i < n && err == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, each...)
		if dst, b, err = appendValue(dst, b); err != nil {
			break
		}
		dst = append(dst, between...)
		dst, b, err = appendValue(dst, b)
		if each != "" {
			dst = append(dst, ']')
		}
	}
	return append(dst, end...), b, err
}

// hasTextKeys reports whether all keys of n pairs are texts that mean nothing else as the only
// key of an object.
func hasTextKeys(n int, b []byte) bool {
	for i := range n {
		if formOf(b[0]) != text {
			return false
		}
		key, rest, err := codec.ReadText(b)
		if err != nil || i == 0 && specialOf(string(key)) != nil {
			return false
		}
		if b, err = codec.Skip(rest); err != nil {
			return false
		}
	}
	return true
}

// appendOther appends an ext, or the time that it is.
func appendOther(dst, b []byte) (_, rest []byte, err error) {
	rest, err = codec.Skip(b)
	if err != nil {
		return dst, b, err
	}
	b = b[:len(b)-len(rest)]
	v, err := new(codec.Msgpack).DecodeAny(b)
	if t, ok := v.(time.Time); ok && t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 {
		dst = append(dst, `{"$time":"`...)
		dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, `"}`...), rest, nil
	}
	if err != nil {
		return dst, rest, err
	}
	head := extHead(b[0])
	dst = fmt.Appendf(dst, `{"$ext":[%d,`, int8(b[head-1]))
	return appendBlob(dst, b[head:], "]}"), rest, nil
}

// extHead is the number of bytes before the data of an ext: its code, its length, and its type.
func extHead(c byte) int {
	switch c {
	case 0xc7:
		return 3
	case 0xc8:
		return 4
	case 0xc9:
		return 6
	}
	return 2
}
