package registry

// What happens to a packet when there is no room for it.

// Overflow is what happens to a packet that is sent while too much waits for
// the other side already.
type Overflow uint8

// The policies. The zero Overflow is none: the next one asked decides.
const (
	CloseSlow  Overflow = iota + 1 // the conn is ended: the other side does not keep up
	Refuse                         // the send returns an error
	DropNewest                     // the packet is dropped, and counted
	DropOldest                     // the oldest packets with this policy are dropped, and counted
)

// OnOverflow sets the policy for packets of this type, in place of the conn's
// and the peer's.
func OnOverflow(p Overflow) Option { return func(o *Options) { o.Overflow = p } }
