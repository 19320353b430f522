package codec

// Append functions: each appends one msgpack object, or the head of one.

import (
	"encoding/binary"
	"math"
)

// The Append functions append one msgpack object, or the head of one, in its
// shortest form. They do not check: text ought to be UTF-8, and a head is to
// be followed by what it declares. Lengths must fit 32 bits.

// AppendNil appends nil.
func AppendNil(dst []byte) []byte { return append(dst, codeNil) }

// AppendBool appends a bool.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, codeYes)
	}
	return append(dst, codeNo)
}

// AppendUint appends an integer, as the wire wants integers from 0 up.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v < fixMap:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, uint8_, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, uint16_), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, uint32_), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, uint64_), v)
}

// AppendInt appends an integer; one from 0 up comes out as of AppendUint.
func AppendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, int8_, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, int16_), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, int32_), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, int64_), uint64(v))
}

// AppendFloat appends a float, always of 64 bits.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, float64_), math.Float64bits(v))
}

// AppendString appends text (str).
func AppendString(dst []byte, s string) []byte {
	if len(s) < 32 {
		dst = append(dst, fixStr|byte(len(s)))
	} else {
		dst = appendLength(dst, str8, len(s))
	}
	return append(dst, s...)
}

// AppendBytes appends bytes (bin).
func AppendBytes(dst, p []byte) []byte {
	return append(appendLength(dst, bin8, len(p)), p...)
}

// AppendArrayHeader appends the head of an array; n objects are to follow.
func AppendArrayHeader(dst []byte, n int) []byte {
	return appendCount(dst, fixArray, array16, n)
}

// AppendMapHeader appends the head of a map; n pairs of objects are to follow,
// each a key and its value.
func AppendMapHeader(dst []byte, n int) []byte {
	return appendCount(dst, fixMap, map16, n)
}

// appendLength appends a length after one of three codes, for 8, 16 and 32
// bits, of which code8 is the first.
func appendLength(dst []byte, code8 byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, code8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, code8+1), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, code8+2), uint32(n))
}

func appendCount(dst []byte, fix, code16 byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, fix|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, code16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, code16+1), uint32(n))
}
