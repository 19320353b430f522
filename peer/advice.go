package peer

// Advice: what a side that ends a conn advises the other one to do next. It travels as
// further keys of softquit, which sides that do not know them skip.

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// Bounds on advice. What is sent and what is received is held against them.
const (
	MaxTo    = 255       // bytes of Advice.To
	MaxAfter = time.Hour // of Advice.After. With more, a server could send its clients away for good by mistake
)

// Keys of softquit's map that carry advice. Each may be missing.
const (
	keyBack  = "back"  // bool: come back or not
	keyTo    = "to"    // text: where
	keyAfter = "after" // integer: after how many milliseconds
)

// Advice is why a conn ends and what the side that ends it advises the other one to do: to
// come back or not, where, and after how long. The other side's OnLost is told it as its
// reason, and AdviceOf or errors.As finds it there. With it errors.Is finds the Reason too.
//
// A client with Config.Reconnect acts on it: it waits for After, stays away if it is told
// so, and goes to another address if its Backoff.Follow allows that one.
type Advice struct {
	// Reason is why the conn is ended.
	Reason Reason

	// Comeback is whether to come back. With ComebackUnsaid the reason says that, or it is
	// implied by To and After.
	Comeback Comeback

	// To is the address to come back to: "tcp://host:port", "tls://host:port",
	// "unix:///path" or that of a Scheme, of at most MaxTo bytes. Empty means the same as
	// before.
	To string

	// After is how long to stay away at least, in whole milliseconds and at most MaxAfter.
	After time.Duration

	cause error // of an Advice that was received: what OnLost would have been told without it
}

// AdviceOf returns the advice in the reason that OnLost, a Connect or OnConnectFailed was
// told, or nil if there is none.
func AdviceOf(reason error) *Advice {
	var a *Advice
	if errors.As(reason, &a) {
		return a
	}
	return nil
}

func (a *Advice) Error() string {
	var b strings.Builder
	b.WriteString(a.Unwrap().Error())
	switch {
	case a.Comeback == ComebackNever:
		b.WriteString(" (do not come back)")
	case !a.isEmpty():
		b.WriteString(" (come back")
		if a.To != "" {
			fmt.Fprintf(&b, " to %s", a.To)
		}
		if a.After > 0 {
			fmt.Fprintf(&b, " after %v", a.After)
		}
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns why the conn ended: the Reason, or what wraps it.
func (a *Advice) Unwrap() error {
	if a.cause != nil {
		return a.cause
	}
	return a.Reason
}

// isEmpty reports whether nothing is advised.
func (a *Advice) isEmpty() bool { return a.Comeback == ComebackUnsaid && a.To == "" && a.After <= 0 }

// AddressError is an address that cannot be advised.
type AddressError struct {
	Address string // cut after MaxTo bytes
	Why     string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("peer: address %q cannot be advised: %s", e.Address, e.Why)
}

// checked returns the advice as it is sent, or why it cannot be: an *AddressError.
func (a Advice) checked() (Advice, error) {
	if a.To != "" {
		if why := whyNotTo(a.To); why != "" {
			return Advice{}, &AddressError{a.To[:min(len(a.To), MaxTo)], why}
		}
	}
	a.After = min(max(a.After, 0).Round(time.Millisecond), MaxAfter)
	if a.Comeback > ComebackNever {
		a.Comeback = ComebackUnsaid
	}
	return a, nil
}

// whyNotTo says why to is no address that can be advised; empty means that it is one. It is
// stricter than Connect: an address that a stranger gives has its network in front, a host
// and a number for a port, and no character that could mislead whoever reads it in a log.
func whyNotTo(to string) string {
	if len(to) > MaxTo {
		return fmt.Sprintf("it has more than %d bytes", MaxTo)
	}
	for _, r := range []byte(to) {
		if r <= ' ' || r > '~' {
			return "it has a character that is no printable ASCII"
		}
	}
	network, place, _ := strings.Cut(to, "://")
	switch network {
	case "unix":
		if !strings.HasPrefix(place, "/") {
			return "the path of a Unix socket begins with a slash"
		}
		return ""
	case "any", "tcp4", "tcp6":
		return "it does not begin with tcp://, tls://, unix:// or the name of a scheme"
	case "tcp", "tls":
		return whyNoPlace(place)
	}
	if !isSchemeName(network) {
		return "it does not begin with tcp://, tls://, unix:// or the name of a scheme"
	}
	if i := strings.IndexAny(place, "/?#"); i >= 0 {
		place = place[:i]
	}
	if place != "" && !strings.ContainsAny(place, ":[]@") {
		return "" // a scheme may have a port of its own
	}
	return whyNoPlace(place)
}

// isSchemeName reports whether name can be that of a Scheme, which this side need not have.
func isSchemeName(name string) bool {
	for _, r := range []byte(name) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && name[0] >= 'a'
}

// whyNoPlace says why place is no host and port.
func whyNoPlace(place string) string {
	host, port, err := net.SplitHostPort(place)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
		return "there is no host with a port from 1 to 65535"
	}
	return ""
}

// appendSoftquit appends the payload of softquit: the reason, and what is advised. a has been
// checked.
func (a Advice) appendSoftquit(b []byte) []byte {
	start := len(b)
	b = softquitMsg{a.Reason}.append(b)
	switch {
	case a.Comeback == ComebackNever:
		b[start]++
		return codec.AppendBool(codec.AppendString(b, keyBack), false)
	case a.Comeback != ComebackUnsaid:
		b[start]++
		b = codec.AppendBool(codec.AppendString(b, keyBack), true)
	}
	if a.To != "" {
		b[start]++
		b = codec.AppendString(codec.AppendString(b, keyTo), a.To)
	}
	if a.After > 0 {
		b[start]++
		b = codec.AppendUint(codec.AppendString(b, keyAfter), uint64(a.After.Milliseconds()))
	}
	return b
}

// parseAdvice reads what is advised in a payload that parseSoftquit has read. A value of
// another form counts as missing, as for all extensions.
func parseAdvice(b []byte) (a Advice) {
	never := false
	eachPair(b, func(key string, b []byte) ([]byte, error) {
		switch key {
		case keyBack:
			if back, rest, err := codec.ReadBool(b); err == nil {
				never = !back
				a.Comeback = ComebackLater
				return rest, nil
			}
		case keyTo:
			if text, rest, err := codec.ReadText(b); err == nil {
				a.To = ""
				if len(text) > 0 && whyNotTo(string(text[:min(len(text), MaxTo+1)])) == "" {
					a.To = string(text)
				}
				return rest, nil
			}
		case keyAfter:
			if ms, rest, err := codec.ReadUint(b); err == nil {
				a.After = time.Duration(min(ms, uint64(MaxAfter.Milliseconds()))) * time.Millisecond
				return rest, nil
			}
		}
		return codec.Skip(b)
	})
	if never {
		return Advice{Comeback: ComebackNever}
	}
	return a
}
