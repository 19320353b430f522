package websocket

// The codes with which a WebSocket is closed (RFC 6455, section 7.4), and how they follow from
// the reasons of package peer.

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/packetmq/packetmq/peer"
)

// Code says why a WebSocket was closed.
type Code uint16

// The codes that this package sends. Others may come.
const (
	CodeNormal      Code = 1000 // the conversation is over
	CodeGoingAway   Code = 1001 // a server shuts down, a page is left
	CodeProtocol    Code = 1002 // a rule of WebSocket or packetmq was broken
	CodeUnsupported Code = 1003 // a text message came
	CodeNoStatus    Code = 1005 // stands for a close without a code, and is never sent
	CodePayload     Code = 1007 // what came cannot be decoded
	CodePolicy      Code = 1008 // the other side may not come in, or was too slow
	CodeInternal    Code = 1011 // a handler failed
)

// maxCloseReason is the longest reason of a close frame, in bytes.
const maxCloseReason = maxControl - 2

// codes are those for the reasons of package peer that have one of their own.
var codes = map[peer.Reason]Code{
	peer.ReasonShutdown:           CodeGoingAway,
	peer.ReasonVersionMismatch:    CodeProtocol,
	peer.ReasonSameAdaptivePolicy: CodeProtocol,
	peer.ReasonNonEqualPackets:    CodeProtocol,
	peer.ReasonProtocol:           CodeProtocol,
	peer.ReasonFrame:              CodeProtocol,
	peer.ReasonPayload:            CodePayload,
	peer.ReasonTimeout:            CodePolicy,
	peer.ReasonDenied:             CodePolicy,
	peer.ReasonHandler:            CodeInternal,
}

// closeFor is what the other side is told in a close frame if the conn has ended because of
// err: the reason that a softquit told, and its code.
func closeFor(err error) (Code, string) {
	var broken *ProtocolError
	if errors.As(err, &broken) {
		return broken.Code, broken.Reason
	}
	var reason peer.Reason
	if !errors.As(err, &reason) {
		return CodeNormal, ""
	}
	if code, ok := codes[reason]; ok {
		return code, string(reason)
	}
	return CodeNormal, string(reason)
}

// appendClose appends the payload of a close frame. A reason that is too long, or no UTF-8, is
// cut or cleaned.
func appendClose(b []byte, code Code, reason string) []byte {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) > maxCloseReason {
		n := maxCloseReason
		for !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(code)), reason...)
}

// parseClose reads the payload of a close frame.
func parseClose(b []byte) (code Code, reason string, fault *ProtocolError) {
	switch {
	case len(b) == 0:
		return CodeNoStatus, "", nil
	case len(b) == 1:
		return 0, "", &ProtocolError{CodeProtocol, "a close frame has half a code"}
	}
	code = Code(binary.BigEndian.Uint16(b))
	switch {
	case !code.mayCome():
		return 0, "", &ProtocolError{CodeProtocol, "a close frame has a code that may not be sent"}
	case !utf8.Valid(b[2:]):
		return 0, "", &ProtocolError{CodePayload, "the reason of a close frame is not UTF-8"}
	}
	return code, string(b[2:]), nil
}

// mayCome reports whether the code may be in a close frame.
func (c Code) mayCome() bool {
	switch {
	case c >= 3000 && c <= 4999: // registered, and private ones
		return true
	case c == 1004, c == CodeNoStatus, c == 1006:
		return false
	}
	return c >= 1000 && c <= 1014
}

// isPlain reports whether the code says no more than that the other side is done.
func (c Code) isPlain() bool { return c == CodeNormal || c == CodeGoingAway || c == CodeNoStatus }
