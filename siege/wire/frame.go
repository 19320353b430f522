package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Sizes in bytes. A frame is a length (u32), a packet id (u16) and a payload, in
// network byte order. The length counts the id and the payload, not itself.
const (
	lengthSize = 4

	IDSize     = 2
	HeaderSize = lengthSize + IDSize
)

// Frame is the id and the payload of one frame, without its length.
type Frame []byte

// ID returns the packet id.
func (f Frame) ID() uint16 { return binary.BigEndian.Uint16(f) }

// Payload returns what follows the id. It shares f's bytes.
func (f Frame) Payload() []byte { return f[IDSize:] }

// AppendFrame appends a frame with its length.
func AppendFrame(b []byte, id uint16, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(IDSize+len(payload)))
	b = binary.BigEndian.AppendUint16(b, id)
	return append(b, payload...)
}

// EncodeFrame returns a frame with its length.
func EncodeFrame(id uint16, payload []byte) []byte { return AppendFrame(nil, id, payload) }

// ReadFrame reads a frame into buf, or into a new slice if buf is too short. A
// frame whose length is more than most, or leaves no room for an id, is an
// error.
func ReadFrame(r io.Reader, buf []byte, most int) (Frame, error) {
	var head [lengthSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n < IDSize || n > int64(most) {
		return nil, fmt.Errorf("the server sent a frame of %d bytes", n)
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	f := Frame(buf[:n])
	_, err := io.ReadFull(r, f)
	return f, err
}
