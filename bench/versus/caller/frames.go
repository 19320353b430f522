package caller

// Members of a room that speak in packetmq's frames.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/packetmq/packetmq/codec"
)

// Ids of the packets of a room. A member says joinID and gets it back; what comes with sayID is
// sent to all members with heardID.
const (
	JoinID  = 17
	SayID   = 18
	HeardID = 19
	CountID = 23
)

// Frames is a Room of frames.
type Frames struct {
	// Handshake is what each conn does first; nil: nothing.
	Handshake func(io.ReadWriter) error

	// Counts says that CountID is answered by how many packets have crossed to other nodes.
	Counts bool
}

// Crossed asks the server at the other end of c how many packets have crossed to other nodes.
func (f Frames) Crossed(c *Socket) (n uint64, err error) {
	if !f.Counts {
		return 0, nil
	}
	if _, err := c.Write(codec.AppendFrame(nil, CountID, []byte{0})); err != nil {
		return 0, err
	}
	head := make([]byte, 6)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, err
	}
	if binary.BigEndian.Uint16(head[4:]) != CountID {
		return 0, errHeard
	}
	payload := make([]byte, binary.BigEndian.Uint32(head)-2)
	if _, err := io.ReadFull(c, payload); err != nil {
		return 0, err
	}
	n, _, err = codec.ReadUint(payload)
	return n, err
}

var errHeard = errors.New("what came is not what was said")

// Payload returns a bin of msgpack.
func (f Frames) Payload(size int) []byte { return BinPayload(size) }

// BinPayload returns a bin of msgpack that is so many bytes long with its header.
func BinPayload(size int) []byte {
	var b []byte
	if size <= 2+0xff {
		b = append(b, 0xc4, byte(size-2))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(size-3))
	}
	for i := byte('0'); len(b) < size; i = '0' + (i-'0'+1)%64 {
		b = append(b, i)
	}
	return b
}

func (f Frames) Greet(c *Socket) error {
	if f.Handshake == nil {
		return nil
	}
	return f.Handshake(c)
}

func (f Frames) Join(c *Socket) error {
	if err := f.Greet(c); err != nil {
		return err
	}
	join := codec.AppendFrame(nil, JoinID, []byte{0xc0})
	if _, err := c.Write(join); err != nil {
		return err
	}
	back := make([]byte, len(join))
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if !bytes.Equal(back, join) {
		return errHeard
	}
	return nil
}

func (f Frames) Say(payload []byte) []byte { return codec.AppendFrame(nil, SayID, payload) }

func (f Frames) Next(b, payload []byte) (length, times int, err error) {
	const header = 6
	if len(b) < header {
		return 0, 0, nil
	}
	length = 4 + int(binary.BigEndian.Uint32(b))
	if length != header+len(payload) || binary.BigEndian.Uint16(b[4:]) != HeardID {
		return 0, 0, errHeard
	}
	if len(b) < length {
		return 0, 0, nil
	}
	if !bytes.Equal(b[header:length], payload) {
		return 0, 0, errHeard
	}
	return length, 1, nil
}
