package codec

// The codes of msgpack: the first byte of each object, and the sizes that follow
// from it.

import "encoding/binary"

// The first byte of every msgpack object. Ranges are named by their low end.
// The codes between bin8 and bin32, ext8 and ext32, str8 and str32 need no name.
const (
	fixMap   = 0x80
	fixArray = 0x90
	fixStr   = 0xa0
	codeNil  = 0xc0
	reserved = 0xc1
	codeNo   = 0xc2
	codeYes  = 0xc3
	bin8     = 0xc4
	bin32    = 0xc6
	ext8     = 0xc7
	ext32    = 0xc9
	float32_ = 0xca
	float64_ = 0xcb
	uint8_   = 0xcc
	uint16_  = 0xcd
	uint32_  = 0xce
	uint64_  = 0xcf
	int8_    = 0xd0
	int16_   = 0xd1
	int32_   = 0xd2
	int64_   = 0xd3
	fixExt1  = 0xd4
	fixExt2  = 0xd5
	fixExt4  = 0xd6
	fixExt8  = 0xd7
	fixExt16 = 0xd8
	str8     = 0xd9
	str32    = 0xdb
	array16  = 0xdc
	array32  = 0xdd
	map16    = 0xde
	map32    = 0xdf
	negFix   = 0xe0
)

// timestamp is the one ext type below 0 that msgpack defines.
const timestamp = -1

// scalarSize is the size in bytes of an object whose code c alone settles it
// and that has no length of its own: a number, a bool or nil. Else it is 0.
func scalarSize(c byte) int {
	switch {
	case c < fixMap, c >= negFix:
		return 1
	}
	switch c {
	case codeNil, codeNo, codeYes:
		return 1
	case uint8_, int8_:
		return 2
	case uint16_, int16_:
		return 3
	case uint32_, int32_, float32_:
		return 5
	case uint64_, int64_, float64_:
		return 9
	}
	return 0
}

// A kind is what an object is, apart from how its size is written.
type kind uint8

const (
	scalar kind = iota // or c1
	text
	blob
	array
	dict
	ext
)

// header reads the head of the object at the front of b, which has a byte at
// least: its kind, the length or count it declares, and the size of the head
// in bytes, which for an ext includes the type. If size is more than len(b),
// the head is cut off and n says nothing. Objects of a fixed size are scalars
// of size 0 here.
func header(b []byte) (k kind, n uint, size int) {
	c := b[0]
	width := 0
	switch {
	case c < fixMap:
		return scalar, 0, 0
	case c < fixArray:
		return dict, uint(c & 0x0f), 1
	case c < fixStr:
		return array, uint(c & 0x0f), 1
	case c < codeNil:
		return text, uint(c & 0x1f), 1
	case c < bin8:
		return scalar, 0, 0
	case c <= bin32:
		k, width, size = blob, 1<<(c-bin8), 1
	case c <= ext32:
		k, width, size = ext, 1<<(c-ext8), 2
	case c < fixExt1:
		return scalar, 0, 0
	case c <= fixExt16:
		return ext, 1 << (c - fixExt1), 2
	case c <= str32:
		k, width, size = text, 1<<(c-str8), 1
	case c <= array32:
		k, width, size = array, 2<<(c-array16), 1
	case c <= map32:
		k, width, size = dict, 2<<(c-map16), 1
	default:
		return scalar, 0, 0
	}
	size += width
	if size > len(b) {
		return k, 0, size
	}
	switch width {
	case 1:
		n = uint(b[1])
	case 2:
		n = uint(binary.BigEndian.Uint16(b[1:]))
	case 4:
		n = uint(binary.BigEndian.Uint32(b[1:]))
	}
	return k, n, size
}
