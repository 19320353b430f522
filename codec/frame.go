package codec

// Frames: length, packet id and payload, to be written or cut out of a buffer.

import (
	"encoding/binary"
	"math"
)

// Sizes on the wire, in bytes. A frame is
//
//	u32 length · u16 packet id · payload
//
// in network byte order; the length counts the id and the payload, not itself.
const (
	LengthSize = 4
	IDSize     = 2
	HeaderSize = LengthSize + IDSize

	DefaultMaxFrame = 1 << 20 // the largest length taken where no other limit is set
)

// A Frame is the id and the payload of one frame, without its length: at
// least 2 bytes. Who returns one says how long it lives.
type Frame []byte

// ID is the packet id.
func (f Frame) ID() uint16 { return binary.BigEndian.Uint16(f) }

// Payload is what follows the id, possibly empty. It shares f's bytes.
func (f Frame) Payload() []byte { return f[IDSize:] }

// Header is what goes in front of a payload of n bytes, fewer than 4 GiB.
func Header(id uint16, n int) (h [HeaderSize]byte) {
	binary.BigEndian.PutUint32(h[:], uint32(IDSize+n))
	binary.BigEndian.PutUint16(h[LengthSize:], id)
	return h
}

// AppendFrame appends a whole frame. The payload must be shorter than 4 GiB.
func AppendFrame(dst []byte, id uint16, payload []byte) []byte {
	n := uint32(IDSize + len(payload))
	// All of the header in one append, so that its room is checked once.
	dst = append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n), byte(id>>8), byte(id))
	return append(dst, payload...)
}

// BeginFrame appends a header whose length is still open. The caller appends
// the payload after it, then calls EndFrame.
func BeginFrame(dst []byte, id uint16) []byte {
	return append(dst, 0, 0, 0, 0, byte(id>>8), byte(id))
}

// EndFrame writes the length of the frame that BeginFrame began at
// dst[start:] and that ends with dst. A max of 0 means DefaultMaxFrame. A
// frame over max is taken back: dst[:start] and a *SizeError are returned.
func EndFrame(dst []byte, start int, max int) ([]byte, error) {
	length := len(dst) - start - LengthSize
	if limit := frameLimit(max); length > limit || int64(length) > math.MaxUint32 {
		return dst[:start], &SizeError{Length: int64(length), Max: limit}
	}
	binary.BigEndian.PutUint32(dst[start:start+HeaderSize], uint32(length))
	return dst, nil
}

func frameLimit(max int) int {
	if max <= 0 {
		return DefaultMaxFrame
	}
	return max
}
