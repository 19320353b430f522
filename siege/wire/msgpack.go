package wire

import (
	"encoding/binary"
	"errors"
)

// Nil is msgpack's nil.
var Nil = []byte{0xc0}

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

// AppendUint appends an integer in its shortest form.
func AppendUint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return appendSized(b, 0xcc, v)
}

// AppendText appends text (str).
func AppendText(b []byte, s string) []byte {
	if len(s) < 32 {
		b = append(b, 0xa0|byte(len(s)))
	} else {
		b = appendSized(b, 0xd9, uint64(len(s)))
	}
	return append(b, s...)
}

// Text returns text (str).
func Text(s string) []byte { return AppendText(nil, s) }

// AppendBytes appends bytes (bin).
func AppendBytes(b, p []byte) []byte {
	return append(appendSized(b, 0xc4, uint64(len(p))), p...)
}

// AppendMap appends the head of a map. n pairs of a key and a value are to
// follow.
func AppendMap(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x80|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xde), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdf), uint32(n))
}

// appendSized appends v in as few bytes as hold it, after the code for that many:
// code is the one for 8 bits, and those for 16, 32 and 64 bits follow it.
func appendSized(b []byte, code byte, v uint64) []byte {
	switch {
	case v < 1<<8:
		return append(b, code, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, code+1), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, code+2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, code+3), v)
}

var errForm = errors.New("the payload is of another form")

// ReadMap reads the head of a map of up to 15 pairs, and returns what follows
// it.
func ReadMap(b []byte) (n int, rest []byte, err error) {
	if len(b) == 0 || b[0]&0xf0 != 0x80 {
		return 0, b, errForm
	}
	return int(b[0] & 0x0f), b[1:], nil
}

// ReadText reads text of less than 64 KiB, and returns what follows it.
func ReadText(b []byte) (s string, rest []byte, err error) {
	var head, n int
	switch {
	case len(b) >= 1 && b[0]&0xe0 == 0xa0:
		head, n = 1, int(b[0]&0x1f)
	case len(b) >= 2 && b[0] == 0xd9:
		head, n = 2, int(b[1])
	case len(b) >= 3 && b[0] == 0xda:
		head, n = 3, int(binary.BigEndian.Uint16(b[1:]))
	default:
		return "", b, errForm
	}
	if len(b) < head+n {
		return "", b, errForm
	}
	return string(b[head : head+n]), b[head+n:], nil
}
