package codec

// Read functions: each takes one msgpack object, or the head of one, from a buffer.

import (
	"encoding/binary"
	"math"
)

// The Read functions take one msgpack object, or the head of one, from the
// front of b and return what follows it. They allocate nothing and use no
// reflection. Their errors are *PayloadErrors of offset 0: ErrTruncated, or
// ErrKind where another kind of object is in front; rest is b then.
//
// They do not need a guarded payload, but they see one object at a time: only
// Limits.Check knows that text is UTF-8 and that nothing trails.

// ReadNil takes a nil.
func ReadNil(b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return b, unread(ErrTruncated)
	}
	if b[0] != codeNil {
		return b, unread(ErrKind)
	}
	return b[1:], nil
}

// ReadBool takes a bool.
func ReadBool(b []byte) (v bool, rest []byte, err error) {
	if len(b) == 0 {
		return false, b, unread(ErrTruncated)
	}
	if b[0]|1 != codeYes {
		return false, b, unread(ErrKind)
	}
	return b[0] == codeYes, b[1:], nil
}

// ReadUint takes an integer of any width, signed or not. One below 0 is
// refused with ErrRange.
func ReadUint(b []byte) (v uint64, rest []byte, err error) {
	if len(b) > 0 { // the usual codes of one that is not below 0
		switch c := b[0]; {
		case c < fixMap:
			return uint64(c), b[1:], nil
		case c == uint32_ && len(b) >= 5:
			return uint64(binary.BigEndian.Uint32(b[1:])), b[5:], nil
		case c == uint64_ && len(b) >= 9:
			return binary.BigEndian.Uint64(b[1:]), b[9:], nil
		}
	}
	v, negative, rest, err := readInteger(b)
	if negative {
		return 0, b, unread(ErrRange)
	}
	return v, rest, err
}

// ReadInt takes an integer of any width, signed or not. One above
// math.MaxInt64 is refused with ErrRange.
func ReadInt(b []byte) (v int64, rest []byte, err error) {
	u, negative, rest, err := readInteger(b)
	if err == nil && u > math.MaxInt64 && !negative {
		return 0, b, unread(ErrRange)
	}
	return int64(u), rest, err
}

// ReadFloat takes a float of 32 bits or 64.
func ReadFloat(b []byte) (v float64, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return 0, b, unread(ErrTruncated)
	case b[0] != float32_ && b[0] != float64_:
		return 0, b, unread(ErrKind)
	}
	size := scalarSize(b[0])
	if size > len(b) {
		return 0, b, unread(ErrTruncated)
	}
	return floatAt(b), b[size:], nil
}

// ReadText takes text: str, or bin, which is what Python 2 makes of its native
// strings. s shares b's bytes.
func ReadText(b []byte) (s []byte, rest []byte, err error) {
	if len(b) > 1 { // most text is short, and so are most bytes
		switch c := b[0]; {
		case c&0xe0 == fixStr:
			if end := 1 + int(c&0x1f); end <= len(b) {
				return b[1:end:end], b[end:], nil
			}
		case c == bin8:
			if end := 2 + int(b[1]); end <= len(b) {
				return b[2:end:end], b[end:], nil
			}
		}
	}
	n, body, err := readHead(b, text, blob)
	if err != nil {
		return nil, b, err
	}
	if n > uint(len(body)) {
		return nil, b, unread(ErrTruncated)
	}
	return body[:n:n], body[n:], nil
}

// ReadArrayHeader takes the head of an array: n objects follow. An n that the
// bytes left cannot hold is ErrTruncated.
func ReadArrayHeader(b []byte) (n int, rest []byte, err error) {
	return readCount(b, array, 1)
}

// ReadMapHeader takes the head of a map: n pairs of objects follow. An n that
// the bytes left cannot hold is ErrTruncated.
func ReadMapHeader(b []byte) (n int, rest []byte, err error) {
	if len(b) > 0 && b[0]&0xf0 == fixMap { // most maps are small
		if n = int(b[0] & 0x0f); 2*n < len(b) {
			return n, b[1:], nil
		}
	}
	return readCount(b, dict, 2)
}

// Skip takes one object of any kind, with all that is in it. What it passes
// over is checked as Limits.Check does, up to 128 levels deep, and its error
// tells where in b the fault is.
func Skip(b []byte) (rest []byte, err error) {
	w := unlimited()
	w.room = len(b)
	end, err := w.deepObject(b)
	if err != nil {
		return b, err
	}
	return b[end:], nil
}

func readCount(b []byte, want kind, least uint) (int, []byte, error) {
	n, rest, err := readHead(b, want, want)
	if err != nil {
		return 0, b, err
	}
	if n > uint(len(rest))/least {
		return 0, b, unread(ErrTruncated)
	}
	return int(n), rest, nil
}

// readHead takes the head of an object of one of two kinds.
func readHead(b []byte, k1, k2 kind) (uint, []byte, error) {
	if len(b) == 0 {
		return 0, b, unread(ErrTruncated)
	}
	k, n, size := header(b)
	if k != k1 && k != k2 {
		return 0, b, unread(ErrKind)
	}
	if size > len(b) {
		return 0, b, unread(ErrTruncated)
	}
	return n, b[size:], nil
}

func readInteger(b []byte) (v uint64, negative bool, rest []byte, err error) {
	if len(b) == 0 {
		return 0, false, b, unread(ErrTruncated)
	}
	if b[0] < fixMap {
		return uint64(b[0]), false, b[1:], nil
	}
	if !integer(b[0]) {
		return 0, false, b, unread(ErrKind)
	}
	size := scalarSize(b[0])
	if size > len(b) {
		return 0, false, b, unread(ErrTruncated)
	}
	v, negative = integerAt(b)
	return v, negative, b[size:], nil
}

func integer(c byte) bool {
	return c < fixMap || c >= negFix || uint8_ <= c && c <= int64_
}

// integerAt is the integer at the front of b, which is whole; if it is
// negative, its two's complement.
func integerAt(b []byte) (v uint64, negative bool) {
	switch c := b[0]; {
	case c < fixMap:
		return uint64(c), false
	case c >= negFix:
		return uint64(int8(c)), true
	case c == uint8_:
		return uint64(b[1]), false
	case c == uint16_:
		return uint64(binary.BigEndian.Uint16(b[1:])), false
	case c == uint32_:
		return uint64(binary.BigEndian.Uint32(b[1:])), false
	case c == uint64_:
		return binary.BigEndian.Uint64(b[1:]), false
	}
	var i int64
	switch b[0] {
	case int8_:
		i = int64(int8(b[1]))
	case int16_:
		i = int64(int16(binary.BigEndian.Uint16(b[1:])))
	case int32_:
		i = int64(int32(binary.BigEndian.Uint32(b[1:])))
	default:
		i = int64(binary.BigEndian.Uint64(b[1:]))
	}
	return uint64(i), i < 0
}

// floatAt is the float at the front of b, which is whole.
func floatAt(b []byte) float64 {
	if b[0] == float32_ {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
}

func unread(err error) error { return &PayloadError{Err: err} }
