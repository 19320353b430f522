package registry

// Options: a packet's settings.

import "github.com/packetmq/packetmq/codec"

// Options are the settings of one packet. The zero value leaves everything
// to the peer.
type Options struct {
	// Overflow is what happens to the packet when there is no room for it; 0
	// means what the conn or the peer says.
	Overflow Overflow
	// Reuse decodes every packet a handler gets into the same value.
	Reuse bool
	// MaxSize is the largest payload, in bytes, sent or received; 0 means as
	// large as the peer's frames can be.
	MaxSize int
	// Optional says that the other side may lack the packet; see the function Optional.
	Optional bool
	// Limits are what a received payload may ask of the decoder; a field of 0
	// means the peer's. Integers are cut if either says so.
	Limits codec.Limits

	object any  // WithObject's, until the Type has it
	late   bool // Late's, until the registry has it
}

// An Option sets one of the Options of a packet where it is defined, or where it is
// defined and added in one call. A nil Option sets nothing.
type Option func(*Options)

// Reuse makes each handler of a typed packet get the same value again and
// again, decoded anew, in place of a new value per packet. The handler must
// not keep it, nor anything it points to, beyond its return.
func Reuse() Option {
	return func(o *Options) { o.Reuse = true }
}

// MaxSize bounds the payload of a packet, in bytes, both ways.
func MaxSize(bytes int) Option {
	return func(o *Options) { o.MaxSize = bytes }
}

// Limits bounds what a received payload of a packet may ask of the decoder; a
// field of 0 leaves that to the peer.
func Limits(l codec.Limits) Option {
	return func(o *Options) { o.Limits = l }
}

// WithObject gives a packet of Define[T] an object, for its hooks and as a key.
// What its hooks see decoded is a *T.
func WithObject(obj any) Option {
	return func(o *Options) { o.object = obj }
}

// Late lets a packet be added while conns are open that do not know it. Other sides that
// know updates of ids (PROTOCOL section 10) are told of it on these conns too; on the
// others a send of it is an error. Conns that are made from then on need it on both sides.
func Late() Option {
	return func(o *Options) { o.late = true }
}

// Optional marks a packet that the other side may lack. All others must be the same on
// both sides of a conn. A send of an optional packet to a side that lacks it is an error,
// and Conn.Knows tells whether a side has it. It may be added while conns are open, like a
// Late one.
//
// Other sides that do not know of optional packets, the Python library and versions of this
// one before the first with Optional among them, are not told of it, so a packet that one
// of those has must not be optional.
func Optional() Option {
	return func(o *Options) { o.Optional, o.late = true, true }
}

func collect(opts []Option) Options {
	var o Options
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// check reports what a packet cannot have. Options that mean nothing for it
// are refused rather than ignored.
func (o *Options) check(name string, typed bool) error {
	switch {
	case o.Overflow > DropOldest:
		return &OptionError{Name: name, Option: "OnOverflow", Reason: "no such policy"}
	case o.MaxSize < 0:
		return &OptionError{Name: name, Option: "MaxSize", Reason: "negative"}
	case min(o.Limits.Depth, o.Limits.Elements, o.Limits.Budget) < 0:
		return &OptionError{Name: name, Option: "Limits", Reason: "negative"}
	case o.Reuse && !typed:
		return &OptionError{Name: name, Option: "Reuse", Reason: "for packets with a Go type only"}
	case o.object != nil && !typed:
		return &OptionError{Name: name, Option: "WithObject", Reason: "for packets with a Go type only"}
	}
	return nil
}
