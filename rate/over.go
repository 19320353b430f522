package rate

// What becomes of a packet that is over a limit.

import "github.com/packetmq/packetmq/peer"

// ErrLimited is what a Limiter returns for a packet over a limit, if Config.Over is nil. It
// is a peer.ErrDrop too: the packet is dropped and the conn goes on. A call of package call
// is answered with it: errors.Is(err, ErrLimited) is true at the caller.
var ErrLimited error = limited{}

type limited struct{}

func (limited) Error() string { return "rate: too many packets" }
func (limited) Unwrap() error { return peer.ErrDrop }

// Public is what the caller of a limited call is told: a call.Public.
func (limited) Public() (name, text string) { return "packetmq:limited", "too many packets" }

// Drop is a Config.Over that drops the packet without an error.
func Drop(*peer.Incoming) error { return nil }

// End is a Config.Over that ends the conn with a reason, which the other side is told. What
// was sent before still leaves.
func End(reason peer.Reason) func(*peer.Incoming) error {
	return func(*peer.Incoming) error { return reason }
}
