package websocket

// The headers of frames (RFC 6455, section 5.2).

import (
	"encoding/binary"
	"fmt"
)

// opcode is what a frame is.
type opcode uint8

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xa
)

func (o opcode) isControl() bool { return o&0x8 != 0 }

const (
	bitFin      = 0x80
	bitsRSV     = 0x70
	bitMask     = 0x80
	maxHead     = 14  // bytes of the longest header
	maxControl  = 125 // bytes of the longest payload of a control frame
	length16    = 126 // the length follows in 16 bits
	length64    = 127 // the length follows in 64 bits
	maskKeySize = 4
)

// frameHead is the header of a frame.
type frameHead struct {
	op     opcode
	fin    bool
	length int64  // of the payload, in bytes
	key    uint32 // that masks the payload, its first byte lowest; 0 where there is no mask
}

// headSize is the size of the header that begins with two bytes, the second of which is b1.
func headSize(b1 byte) int {
	n := 2
	switch b1 &^ bitMask {
	case length16:
		n += 2
	case length64:
		n += 8
	}
	if b1&bitMask != 0 {
		n += maskKeySize
	}
	return n
}

// checkHead checks the first two bytes of a header, which are all that most faults need.
// Masked says whether the other side has to mask.
func checkHead(b0, b1 byte, masked bool) *ProtocolError {
	op, n := opcode(b0&0x0f), b1&^bitMask
	switch {
	case b0&bitsRSV != 0:
		return &ProtocolError{CodeProtocol, "a reserved bit is set, and no extension was agreed on"}
	case op > opBinary && op < opClose || op > opPong:
		return &ProtocolError{CodeProtocol, fmt.Sprintf("opcode %d is reserved", op)}
	case op == opText:
		return &ProtocolError{CodeUnsupported, "a text message; packets come in binary messages"}
	case op.isControl() && b0&bitFin == 0:
		return &ProtocolError{CodeProtocol, "a control frame is fragmented"}
	case op.isControl() && n > maxControl:
		return &ProtocolError{CodeProtocol, "a control frame has more than 125 bytes"}
	case masked && b1&bitMask == 0:
		return &ProtocolError{CodeProtocol, "a client's frame is not masked"}
	case !masked && b1&bitMask != 0:
		return &ProtocolError{CodeProtocol, "a server's frame is masked"}
	}
	return nil
}

// parseHead reads a whole header of which checkHead has found nothing wrong.
func parseHead(b []byte) (h frameHead, fault *ProtocolError) {
	h.op, h.fin = opcode(b[0]&0x0f), b[0]&bitFin != 0
	switch n := b[1] &^ bitMask; n {
	case length16:
		h.length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.length < length16 {
			fault = errNotMinimal
		}
	case length64:
		h.length = int64(binary.BigEndian.Uint64(b[2:]))
		switch {
		case h.length < 0:
			fault = &ProtocolError{CodeProtocol, "the highest bit of a length is set"}
		case h.length <= 0xffff:
			fault = errNotMinimal
		}
	default:
		h.length = int64(n)
	}
	if b[1]&bitMask != 0 {
		h.key = binary.LittleEndian.Uint32(b[headSize(b[1])-maskKeySize:])
	}
	return h, fault
}

var errNotMinimal = &ProtocolError{CodeProtocol, "a length takes more bytes than it needs"}

// sizeFor is the size of the header of a frame with n bytes of payload.
func sizeFor(n int, masked bool) int {
	size := 2
	switch {
	case n > 0xffff:
		size += 8
	case n > maxControl:
		size += 2
	}
	if masked {
		size += maskKeySize
	}
	return size
}

// putHead writes the header of a whole message of n bytes to the front of b. The key of a mask,
// which follows it, is not written.
func putHead(b []byte, op opcode, n int, masked bool) {
	b[0] = bitFin | byte(op)
	switch {
	case n > 0xffff:
		b[1] = length64
		binary.BigEndian.PutUint64(b[2:], uint64(n))
	case n > maxControl:
		b[1] = length16
		binary.BigEndian.PutUint16(b[2:], uint16(n))
	default:
		b[1] = byte(n)
	}
	if masked {
		b[1] |= bitMask
	}
}
