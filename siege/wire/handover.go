package wire

// The words of a hand-over between two processes, as the new one says them.

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Kinds of messages of a hand-over.
const (
	HandOverHello   = 1
	HandOverSockets = 2
	HandOverTaken   = 3
	HandOverEnd     = 6
	HandOverReady   = 7
	HandOverCommit  = 8
)

// HandOverMessage is a message of that kind.
func HandOverMessage(kind byte, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)))
	return append(append(b, kind), payload...)
}

// HandOverHelloOf is the first message, of a version.
func HandOverHelloOf(version uint64) []byte {
	return HandOverMessage(HandOverHello, AppendUint(Text("packetmq-restart"), version))
}

// ReadHandOver reads a message, which must be of that kind. Descriptors that come with it are
// dropped.
func ReadHandOver(r io.Reader, want byte) error {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	payload := make([]byte, binary.BigEndian.Uint32(head[:])&0xfffff)
	if len(payload) > 0 {
		if _, err := io.ReadFull(r, payload[1:]); err != nil {
			return err
		}
	}
	if head[4] != want {
		return fmt.Errorf("the old process says %d, %q, want %d", head[4], payload, want)
	}
	return nil
}
