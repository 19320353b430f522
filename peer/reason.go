package peer

// Why a conn ends, in a word that the other side is told.

import "fmt"

// Reason is why a conn was ended by one of its sides: a dotted word that
// travels in the softquit packet. Any text is legal.
type Reason string

func (r Reason) Error() string { return string(r) }

// Reasons known to every packetmq.
const (
	ReasonUnknown            Reason = "reason.unknown"            // none was given
	ReasonVersionMismatch    Reason = "reason.versionmismatch"    // the protocol versions differ
	ReasonSameAdaptivePolicy Reason = "reason.sameadaptivepolicy" // both sides adapt their ids, or neither does
	ReasonNonEqualPackets    Reason = "reason.nonequalpackets"    // the sides know different packets
	ReasonGeneric            Reason = "reason.generic"            // Conn.Close, or a memory client's Disconnect
)

// Reasons of this implementation; to others they are text like any.
const (
	ReasonShutdown Reason = "reason.shutdown" // the program ends
	ReasonProtocol Reason = "reason.protocol" // a packet that may not come at all, or not now
	ReasonFrame    Reason = "reason.frame"    // a frame too long or too short
	ReasonPayload  Reason = "reason.payload"  // a payload that cannot be decoded
	ReasonTimeout  Reason = "reason.timeout"  // the handshake was not done in time
	ReasonHandler  Reason = "reason.handler"  // a handler failed
	ReasonDenied   Reason = "reason.denied"   // Config.Authenticate refused the other side
	ReasonTLS      Reason = "reason.tls"      // a conn without TLS came to a port that wants it
	ReasonProxy    Reason = "reason.proxy"    // a conn without a PROXY header came from where each has one
)

// maxReason is the longest reason taken or sent, in bytes.
const maxReason = 512

// Fault is a conn ended by this side because of an error. It wraps both the
// reason that the other side is told and the error. It is also a handshake that
// the other side has refused for the names of the packets, with those that
// differ.
type Fault struct {
	Reason Reason
	Err    error
}

func (f *Fault) Error() string { return fmt.Sprintf("%s: %v", string(f.Reason), f.Err) }

// Unwrap returns the reason and the error.
func (f *Fault) Unwrap() []error { return []error{f.Reason, f.Err} }
