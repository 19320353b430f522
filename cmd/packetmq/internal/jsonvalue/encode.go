package jsonvalue

// Encode: from JSON to msgpack.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// maxDepth is how deep arrays and objects may lie in each other: other sides take no more by
// default.
const maxDepth = 32

// Encode returns the payload of one JSON value.
func Encode(text []byte) ([]byte, error) {
	e := encoder{json.NewDecoder(bytes.NewReader(text))}
	e.in.UseNumber()
	out, err := e.next(nil, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		if _, more := e.in.Token(); more != io.EOF {
			err = errors.New("something follows the value")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("jsonvalue: %w", err)
	}
	return out, nil
}

// encoder reads the tokens of one value.
type encoder struct{ in *json.Decoder }

// next appends the value that comes next.
func (e encoder) next(dst []byte, depth int) ([]byte, error) {
	token, err := e.in.Token()
	if err != nil {
		return dst, err
	}
	if depth > maxDepth {
		return dst, codec.ErrDepth
	}
	switch v := token.(type) {
	case nil:
		return codec.AppendNil(dst), nil
	case bool:
		return codec.AppendBool(dst, v), nil
	case string:
		return codec.AppendString(dst, v), nil
	case json.Number:
		return appendNumber(dst, v.String())
	case json.Delim:
		if v == '[' {
			return e.array(dst, depth)
		}
		return e.object(dst, depth)
	}
	return dst, fmt.Errorf("unexpected %v", token)
}

// appendNumber appends a number: an integer, unless it has a point or an exponent.
func appendNumber(dst []byte, text string) ([]byte, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		return codec.AppendFloat(dst, f), err
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return codec.AppendInt(dst, n), nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return codec.AppendUint(dst, n), err
}

// array appends the elements up to the end of the array.
func (e encoder) array(dst []byte, depth int) ([]byte, error) {
	var inner []byte
	n := 0
	for ; e.in.More(); n++ {
		var err error
		if inner, err = e.next(inner, depth+1); err != nil {
			return dst, err
		}
	}
	_, err := e.in.Token()
	return append(codec.AppendArrayHeader(dst, n), inner...), err
}

// object appends the pairs up to the end of the object, or what it stands for.
func (e encoder) object(dst []byte, depth int) ([]byte, error) {
	var inner []byte
	n := 0
	for ; e.in.More(); n++ {
		token, err := e.in.Token()
		if err != nil {
			return dst, err
		}
		key, _ := token.(string)
		if n == 0 && specialOf(key) != nil {
			return e.special(dst, key)
		}
		if inner, err = e.next(codec.AppendString(inner, key), depth+1); err != nil {
			return dst, err
		}
	}
	_, err := e.in.Token()
	return append(codec.AppendMapHeader(dst, n), inner...), err
}

// special appends what an object with one key stands for, whose key was read.
func (e encoder) special(dst []byte, key string) ([]byte, error) {
	var value json.RawMessage
	if err := e.in.Decode(&value); err != nil {
		return dst, err
	}
	if e.in.More() {
		return dst, fmt.Errorf("%s is not alone in its object", key)
	}
	if _, err := e.in.Token(); err != nil {
		return dst, err
	}
	dst, err := specialOf(key)(dst, value)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", key, err)
	}
	return dst, nil
}

// specialOf is what appends the value of an object whose only key is this one, or nil if the key
// is like any other.
func specialOf(key string) func(dst []byte, value json.RawMessage) ([]byte, error) {
	switch key {
	case "$bytes":
		return appendBytes
	case "$time":
		return appendTime
	case "$float":
		return appendFloat
	case "$map":
		return appendPairs
	case "$ext":
		return appendExt
	}
	return nil
}

func appendBytes(dst []byte, value json.RawMessage) ([]byte, error) {
	var b []byte
	err := json.Unmarshal(value, &b)
	return codec.AppendBytes(dst, b), err
}

func appendTime(dst []byte, value json.RawMessage) ([]byte, error) {
	var t time.Time
	if err := json.Unmarshal(value, &t); err != nil {
		return dst, err
	}
	return new(codec.Msgpack).Append(dst, t)
}

func appendFloat(dst []byte, value json.RawMessage) ([]byte, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return dst, err
	}
	f, err := strconv.ParseFloat(text, 64)
	return codec.AppendFloat(dst, f), err
}

// appendPairs appends a map of an array of pairs.
func appendPairs(dst []byte, value json.RawMessage) ([]byte, error) {
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(value, &pairs); err != nil {
		return dst, err
	}
	dst = codec.AppendMapHeader(dst, len(pairs))
	for _, pair := range pairs {
		for _, part := range pair {
			b, err := Encode(part)
			if err != nil {
				return dst, err
			}
			dst = append(dst, b...)
		}
	}
	return dst, nil
}

func appendExt(dst []byte, value json.RawMessage) ([]byte, error) {
	var parts [2]json.RawMessage
	var ext codec.Ext
	if err := json.Unmarshal(value, &parts); err != nil {
		return dst, err
	}
	if err := errors.Join(json.Unmarshal(parts[0], &ext.Type), json.Unmarshal(parts[1], &ext.Data)); err != nil {
		return dst, err
	}
	return new(codec.Msgpack).Append(dst, ext)
}
