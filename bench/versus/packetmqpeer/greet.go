package packetmqpeer

// The handshake by hand, for loads in which nothing of packetmq is to take part.

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/packetmq/packetmq/codec"
)

// ID is the id of a packet that the server has too.
type ID struct {
	Name string
	ID   uint64
}

// Greet does the handshake on a conn as the side that adapts.
func Greet(nc io.ReadWriter, packets ...ID) error {
	own := []ID{{"packetmq:handshake_init", 0}, {"packetmq:softquit", 1}, {"packetmq:handshake_pubids", 2}, {"packetmq:handshake_finish", 3}}
	ids := append(own, packets...)
	pubids := append(codec.AppendMapHeader(nil, 2), "\xa5adapt\xc3\xa5idmap"...)
	pubids = codec.AppendMapHeader(pubids, len(ids))
	for _, p := range ids {
		pubids = codec.AppendUint(codec.AppendString(pubids, p.Name), p.ID)
	}
	out := codec.AppendFrame(nil, 0, []byte("\x81\xa7version\x01"))
	out = codec.AppendFrame(out, 2, pubids)
	out = codec.AppendFrame(out, 3, []byte{0xc0})
	if _, err := nc.Write(out); err != nil {
		return err
	}
	for {
		id, payload, err := ReadFrame(nc)
		switch {
		case err != nil:
			return err
		case id == 3:
			return nil
		case id == 1:
			return fmt.Errorf("the server ends the handshake: %q", payload)
		}
	}
}

// ReadFrame reads a frame, and no byte of the next one.
func ReadFrame(r io.Reader) (id uint16, payload []byte, err error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint32(head[:])-2)
	_, err = io.ReadFull(r, payload)
	return binary.BigEndian.Uint16(head[4:]), payload, err
}
