package peer

// Handle and HandleRaw: which function is called with which packet.

import (
	"reflect"
	"strings"

	"github.com/packetmq/packetmq/registry"
)

// Host is any of the peers: *Server, *Client, *MemoryServer, *MemoryClient, the *Peer
// that is in each of them, and a type of the program's that embeds one of these. It has an
// Untyped for programs that name packets by values of any type.
type Host interface {
	Untyped() UntypedPeer
	base() *Peer
}

func (p *Peer) base() *Peer { return p }

// Resetter is implemented by packet values that clear themselves before they
// are decoded into again, and can so keep the memory of their slices. It is for
// packets registered with registry.Reuse; others are set to zero.
type Resetter interface{ Reset() }

// Handle has fn called with every packet of type pkt that arrives at h, decoded into a T,
// with the middleware of opts and of Peer.Use around it. An error of fn ends the conn: a
// Reason softquits with it, ErrDrop and nil go on. What the other side may get wrong is to
// be answered with a packet, and nil returned. Handle replaces an earlier handler.
//
// A handler goes with its packet: a packet that was removed from the registry and added
// again, though it be the same pkt, has none until Handle is called again.
//
// The *T is fn's to keep, unless the packet is registered with registry.Reuse:
// then it is valid during the call.
//
// It panics, as http.HandleFunc does, where the program is wrong: fn is nil, the
// packet is not in h's registry, or a Middleware of the options is nil or returns nil.
func Handle[T any](h Host, pkt registry.Packet[T], fn func(c *Conn, v *T) error, opts ...HandleOption) {
	p, t := handled(h, pkt, "Handle", fn == nil)
	own := func() func(int) *T { return func(int) *T { return new(T) } }
	if t.Options().Reuse {
		own = func() func(int) *T { return reused[T](len(p.reactor.Loops())) }
	}
	value, limits := own(), p.limits(t)
	p.setHandler(t, &handler{
		direct: func(c *Conn, payload []byte) error {
			v := value(c.link.Loop().Index())
			if err := p.codec.DecodeWithin(limits, payload, v); err != nil {
				return &PayloadError{t.Name(), err}
			}
			return fn(c, v)
		},
		decoded: func(c *Conn, _ []byte, v any) error {
			if tv, ok := v.(*T); ok && tv != nil {
				return fn(c, tv)
			}
			made, err := p.convertReceived(t, v) // of what a hook has returned
			if err != nil {
				return err
			}
			return fn(c, made.(*T))
		},
		decode: func(c *Conn, payload []byte) (any, error) {
			v := value(c.link.Loop().Index())
			if err := p.codec.DecodeWithin(limits, payload, v); err != nil {
				return nil, &PayloadError{t.Name(), err}
			}
			return v, nil
		},
		takes: func(v any) bool { tv, ok := v.(*T); return ok && tv != nil },
	}, "Handle", opts)
}

// reused keeps one value for each loop, cleared each time it is given out.
func reused[T any](loops int) func(loop int) *T {
	values := make([]*T, loops) // of pointers: loops do not share cache lines
	for i := range values {
		values[i] = new(T)
	}
	if reflect.TypeFor[*T]().Implements(reflect.TypeFor[Resetter]()) {
		return func(loop int) *T {
			v := values[loop]
			any(v).(Resetter).Reset()
			return v
		}
	}
	return func(loop int) *T {
		v := values[loop]
		var zero T
		*v = zero
		return v
	}
}

// HandleRaw has fn called with the payload of every packet of type pkt that arrives at
// h. It replaces an earlier handler, and panics where Handle does. The payload is what
// the other side sent: it is not checked to be msgpack. It is valid during the call. Of
// the hooks, only EncodedIn sees these packets.
func HandleRaw[T any](h Host, pkt registry.Packet[T], fn func(c *Conn, payload []byte) error, opts ...HandleOption) {
	p, t := handled(h, pkt, "HandleRaw", fn == nil)
	p.setHandler(t, rawHandler(fn), "HandleRaw", opts)
}

func rawHandler(fn func(c *Conn, payload []byte) error) *handler {
	fn = lentTo(fn)
	return &handler{direct: fn, raw: fn}
}

// handled is the peer and the packet that a handler is for.
func handled[T any](h Host, pkt registry.Packet[T], call string, isNil bool) (*Peer, *registry.Type) {
	p, err := peerOf(h)
	mustHandle(call, err)
	t := pkt.In(p.reg)
	if t == nil {
		mustHandle(call, noPacket(pkt))
	}
	if isNil {
		mustHandle(call, ErrNoHandler)
	}
	return p, t
}

// mustHandle panics with an error that only a mistake in the program can cause.
func mustHandle(call string, err error) {
	if err != nil {
		panic(&handleError{call, err})
	}
}

// handleError is what a call that sets a handler panics with.
type handleError struct {
	call string
	err  error
}

// Error names the package once, though err may name it too.
func (e *handleError) Error() string {
	return "peer: " + e.call + ": " + strings.TrimPrefix(e.err.Error(), "peer: ")
}

func (e *handleError) Unwrap() error { return e.err }
