package websocket

// Masks (RFC 6455, section 5.3).

import (
	"encoding/binary"
	"math/bits"
)

// mask copies src to the front of dst and applies the key to it, the key's lowest byte to the
// first. It returns the key for the byte that follows. Dst may be src, or overlap it from
// before: each step reads what it is about to overwrite.
func mask(dst, src []byte, key uint32) (next uint32) {
	next = bits.RotateLeft32(key, -8*(len(src)&3))
	dst = dst[:len(src)]
	wide := uint64(key)<<32 | uint64(key)
	for len(src) >= 32 && len(dst) >= 32 {
		a := binary.LittleEndian.Uint64(src) ^ wide
		b := binary.LittleEndian.Uint64(src[8:]) ^ wide
		c := binary.LittleEndian.Uint64(src[16:]) ^ wide
		d := binary.LittleEndian.Uint64(src[24:]) ^ wide
		binary.LittleEndian.PutUint64(dst, a)
		binary.LittleEndian.PutUint64(dst[8:], b)
		binary.LittleEndian.PutUint64(dst[16:], c)
		binary.LittleEndian.PutUint64(dst[24:], d)
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^wide)
		src, dst = src[8:], dst[8:]
	}
	for i, b := range src {
		dst[i] = b ^ byte(wide>>(8*i))
	}
	return next
}
