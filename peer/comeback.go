package peer

// Whether it makes sense to come back after a conn was lost or not made: what each reason
// says of that, and what the other side has advised.

import "errors"

// Comeback is whether, and how, it makes sense for a side that has lost a conn to connect
// again.
type Comeback uint8

const (
	// ComebackUnsaid leaves it to the reason. ComebackAfter never returns it.
	ComebackUnsaid Comeback = iota

	// ComebackLater is to the same server, after the back-off.
	ComebackLater

	// ComebackElsewhere is at once to another server, or to the same one after the back-off.
	ComebackElsewhere

	// ComebackNever means that it cannot help.
	ComebackNever
)

func (b Comeback) String() string {
	switch b {
	case ComebackLater:
		return "later"
	case ComebackElsewhere:
		return "elsewhere"
	case ComebackNever:
		return "never"
	}
	return "unsaid"
}

// comebacks has the reasons after which a client does something else than to come back later.
// docs/restart.md has the whole table.
var comebacks = map[Reason]Comeback{
	ReasonDenied:             ComebackNever,     // the server would deny the same client again
	ReasonVersionMismatch:    ComebackNever,     // the two programs do not change meanwhile,
	ReasonNonEqualPackets:    ComebackNever,     // nor their packets,
	ReasonSameAdaptivePolicy: ComebackNever,     // nor their policy,
	ReasonTLS:                ComebackNever,     // nor that the port wants TLS,
	ReasonProxy:              ComebackNever,     // or a proxy
	ReasonShutdown:           ComebackElsewhere, // this server goes, and others may be there
}

// ComebackAfter says whether coming back makes sense after a conn was lost, or was not made,
// because of reason. What the other side has advised comes first, then the Reason in it.
// What is no Reason is an end of the transport, after which a client may come back later.
// A memory client's server that has closed does not open again.
func ComebackAfter(reason error) Comeback {
	if a := AdviceOf(reason); a != nil {
		if a.To != "" && a.Comeback != ComebackNever {
			return ComebackElsewhere
		}
		if a.Comeback != ComebackUnsaid {
			return a.Comeback
		}
	}
	var r Reason
	if errors.As(reason, &r) {
		if b, ok := comebacks[r]; ok {
			return b
		}
	}
	if errors.Is(reason, ErrClosed) {
		return ComebackNever
	}
	return ComebackLater
}

// Permanent reports whether coming back cannot help against why a conn was not made, or was
// lost: it is whether ComebackAfter returns ComebackNever. The server has denied the client
// or advised it not to come, the two speak different versions, know different packets, or go
// by the same policy about ids, the port wants TLS or a proxy; or a memory client's server
// has closed.
func Permanent(reason error) bool { return ComebackAfter(reason) == ComebackNever }
