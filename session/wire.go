package session

// The packets of the feature: messages about a session, told from its packets by their first
// two bytes, where a session's packet has an id of registry.MinID or more.

import (
	"encoding/binary"
	"fmt"

	"github.com/packetmq/packetmq/peer"
)

// Feature is the bit of sessions in what a side announces, see PROTOCOL.md, section 10.
const Feature peer.Feature = 3

// kind is what a message is.
type kind uint16

const (
	kindBegin    kind = 1 + iota // client: begin a session
	kindResume                   // client: go on with a session
	kindAccepted                 // server: the conn carries the session from here on
	kindRefused                  // server: it does not
	kindAck                      // either: what was got so far; of a client it also shows that it has got accepted
	kindEnd                      // either: the session has ended
)

// window is how much a side keeps for the other one at most. The other side acknowledges in
// time.
type window struct{ packets, bytes uint32 }

const windowSize = 8

// begin asks for a new session. The nonce shows that two of them are the same session, if the
// answer to the first was lost.
type begin struct {
	nonce   secret
	attempt uint32 // the client counts how often it asks for the session: of two conns the one with more is newer
	window  window
}

// resume asks to go on with a session.
type resume struct {
	id       ID
	secret   secret
	attempt  uint32 // see begin
	received uint64 // packets of the server's that were handled
	window   window
}

// accepted answers both. The next resume shows its secret.
type accepted struct {
	resumed  bool
	id       ID
	secret   secret
	received uint64 // packets of the client's that were handled
	window   window
}

// end says that the session has ended at the other side.
type end struct {
	received uint64
	reason   string
}

// maxEndReason is the longest reason of an end, in bytes.
const maxEndReason = 512

// refusal is why a server does not accept.
type refusal uint8

const (
	refusedUnknown refusal = 1 + iota
	refusedDenied
	refusedTooMany
	refusedCount
)

func (r refusal) err() error {
	switch r {
	case refusedUnknown:
		return ErrUnknown
	case refusedDenied:
		return ErrDenied
	case refusedTooMany:
		return ErrTooMany
	case refusedCount:
		return ErrCount
	}
	return fmt.Errorf("session: the server has refused the session, for reason %d", uint8(r))
}

func (k kind) append(b []byte) []byte { return binary.BigEndian.AppendUint16(b, uint16(k)) }

func (w window) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w.packets), w.bytes)
}

func readWindow(b []byte) window {
	return window{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

func (m *begin) append(b []byte) []byte {
	b = append(kindBegin.append(b), m.nonce[:]...)
	return m.window.append(binary.BigEndian.AppendUint32(b, m.attempt))
}

func (m *resume) append(b []byte) []byte {
	b = append(m.id.append(kindResume.append(b)), m.secret[:]...)
	b = binary.BigEndian.AppendUint32(b, m.attempt)
	return m.window.append(binary.BigEndian.AppendUint64(b, m.received))
}

func (m *accepted) append(b []byte) []byte {
	b = kindAccepted.append(b)
	if m.resumed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = append(m.id.append(b), m.secret[:]...)
	return m.window.append(binary.BigEndian.AppendUint64(b, m.received))
}

func (r refusal) append(b []byte) []byte { return append(kindRefused.append(b), byte(r)) }

func appendAck(b []byte, received uint64) []byte {
	return binary.BigEndian.AppendUint64(kindAck.append(b), received)
}

func (m *end) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(kindEnd.append(b), m.received)
	return append(b, m.reason[:min(len(m.reason), maxEndReason)]...)
}

// readAck reads an ack. ok is false if b is none.
func readAck(b []byte) (received uint64, ok bool) {
	if len(b) != 2+8 || kind(binary.BigEndian.Uint16(b)) != kindAck {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[2:]), true
}

// readMessage reads a message that is no ack: a *begin, a *resume, an *accepted, a refusal or an
// *end.
func readMessage(b []byte) (any, error) {
	if len(b) < 2 {
		return nil, &WireError{"a packet is too short"}
	}
	k, b := kind(binary.BigEndian.Uint16(b)), b[2:]
	if n, ok := messageSizes[k]; !ok || len(b) < n || len(b) > n && k != kindEnd || len(b) > n+maxEndReason {
		return nil, &WireError{fmt.Sprintf("%d bytes are no message of kind %d", len(b), uint16(k))}
	}
	switch k {
	case kindBegin:
		s, b := secret(b[:secretSize]), b[secretSize:]
		return &begin{s, binary.BigEndian.Uint32(b), readWindow(b[4:])}, nil
	case kindResume:
		id, b := readID(b), b[idSize:]
		s, b := secret(b[:secretSize]), b[secretSize:]
		return &resume{id, s, binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:]), readWindow(b[4+8:])}, nil
	case kindAccepted:
		if b[0] > 1 {
			return nil, &WireError{"an accepted is neither of a new session nor of an old one"}
		}
		resumed, id := b[0] == 1, readID(b[1:])
		b = b[1+idSize:]
		return &accepted{resumed, id, secret(b[:secretSize]), binary.BigEndian.Uint64(b[secretSize:]), readWindow(b[secretSize+8:])}, nil
	case kindRefused:
		return refusal(b[0]), nil
	}
	return &end{binary.BigEndian.Uint64(b), string(b[8:])}, nil
}

// messageSizes are the sizes of messages after their kind, of an end without its reason.
var messageSizes = map[kind]int{
	kindBegin:    secretSize + 4 + windowSize,
	kindResume:   idSize + secretSize + 4 + 8 + windowSize,
	kindAccepted: 1 + idSize + secretSize + 8 + windowSize,
	kindRefused:  1,
	kindEnd:      8,
}
