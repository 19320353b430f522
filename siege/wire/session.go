package wire

// Sessions: what a client asks for, and what it is answered.

import (
	"encoding/binary"
	"fmt"
)

// IDSession is the packet of the feature.
const IDSession = 12

// sessionFeature is its bit.
const sessionFeature = 1 << 3

// InitWithSessions is Init of a side that knows sessions.
func InitWithSessions() []byte {
	b := Init()
	b[0]++ // a pair more
	return AppendUint(AppendText(b, "features"), sessionFeature)
}

// Kinds of messages.
const (
	kindBegin, kindResume, kindAccepted, kindRefused = 1, 2, 3, 4
	kindEnd                                          = 6
)

// SessionID and Secret are what a session is resumed with.
type (
	SessionID [14]byte
	Secret    [16]byte
)

// window is how much the client keeps: 4,096 packets, 256 KiB.
var window = []byte{0, 0, 16, 0, 0, 4, 0, 0}

// Begin is the payload that asks for a session. Attempts of a client are numbered from 1.
func Begin(nonce Secret, attempt uint32) []byte {
	b := append([]byte{0, kindBegin}, nonce[:]...)
	return append(binary.BigEndian.AppendUint32(b, attempt), window...)
}

// Resume is the payload that asks to go on with a session, of which nothing was received.
func Resume(id SessionID, secret Secret, attempt uint32) []byte {
	b := append(append([]byte{0, kindResume}, id[:]...), secret[:]...)
	b = binary.BigEndian.AppendUint32(b, attempt)
	return append(binary.BigEndian.AppendUint64(b, 0), window...)
}

// EndSession is the payload that ends a session of which nothing was received.
func EndSession(reason string) []byte {
	return append([]byte{0, kindEnd, 0, 0, 0, 0, 0, 0, 0, 0}, reason...)
}

// Accepted is what a client is told whose session is there.
type Accepted struct {
	Resumed bool
	ID      SessionID
	Secret  Secret
}

// Refused is why it is not.
type Refused uint8

// Why a session is refused.
const (
	RefusedUnknown Refused = 1
	RefusedTooMany Refused = 3
)

func (r Refused) Error() string {
	return fmt.Sprintf("the session was refused for reason %d", uint8(r))
}

// ReadClaim reads the answer to a Begin or Resume. A Refused is an error.
func ReadClaim(f Frame) (a Accepted, err error) {
	b := f.Payload()
	switch {
	case f.ID() == IDSession && len(b) == 3 && b[1] == kindRefused:
		return a, Refused(b[2])
	case f.ID() != IDSession || len(b) != 2+1+14+16+8+8 || b[1] != kindAccepted:
		return a, fmt.Errorf("packet %d, %x, is no answer about a session", f.ID(), b[:min(len(b), 16)])
	}
	a.Resumed = b[2] == 1
	copy(a.ID[:], b[3:])
	copy(a.Secret[:], b[3+14:])
	return a, nil
}
