package wire

// WebSocket: an upgrade, and frames right and wrong.

import (
	"encoding/binary"
	"fmt"
)

// Upgrade is the request of an upgrade, with more header lines, each of which ends in CRLF.
func Upgrade(host, more string) []byte {
	return fmt.Appendf(nil, "GET /game HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n", host, more)
}

// The first bytes of frames of WebSocket.
const (
	Binary       = 0x82 // a whole message
	Fragment     = 0x02 // the first part of one
	Continuation = 0x00 // another part, which is not the last
	Ping         = 0x89
	Close        = 0x88
)

// AppendWebSocket appends a frame with a mask of zeros, which leaves the payload as it is.
func AppendWebSocket(b []byte, first byte, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		b = append(b, first, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}
