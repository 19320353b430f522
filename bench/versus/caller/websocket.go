package caller

// WebSocket as far as members of a room need it: RFC 6455 by hand, so that no library's client
// takes part in what is measured.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Opcodes of messages.
const (
	WebSocketText   = 1
	WebSocketBinary = 2
)

// errFrame is a frame that servers here do not send: a fragment, a masked one, one of 64 KiB.
var errFrame = errors.New("a WebSocket frame of another form")

// OpenWebSocket asks the server for a WebSocket.
func OpenWebSocket(c *Socket, path string) error {
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n", path)
	if err != nil {
		return err
	}
	var answer []byte
	for b := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")); { // and no byte of the first frame
		if _, err := c.Read(b); err != nil {
			return err
		}
		answer = append(answer, b...)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("the server answers %.64q", answer)
	}
	return nil
}

// AppendWebSocket appends a message of a client. Its mask is 0, which changes nothing.
func AppendWebSocket(b []byte, opcode byte, payload []byte) []byte {
	b = append(b, 0x80|opcode)
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// NextWebSocket returns the payload of the message that b begins with, and how long it is with
// its header. length is 0 if there is more to come.
func NextWebSocket(b []byte) (payload []byte, length int, err error) {
	if len(b) < 2 {
		return nil, 0, nil
	}
	head, n := 2, int(b[1])
	switch {
	case b[0]&0xf0 != 0x80 || n >= 127:
		return nil, 0, errFrame
	case n == 126:
		if len(b) < 4 {
			return nil, 0, nil
		}
		head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < head+n {
		return nil, 0, nil
	}
	return b[head : head+n], head + n, nil
}

// ReadWebSocket waits for one message.
func ReadWebSocket(c *Socket) ([]byte, error) {
	var got []byte
	for b := make([]byte, 1); ; { // and no byte of the next message
		if _, err := c.Read(b); err != nil {
			return nil, err
		}
		got = append(got, b...)
		if payload, length, err := NextWebSocket(got); err != nil || length > 0 {
			return payload, err
		}
	}
}
