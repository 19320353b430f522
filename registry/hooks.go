package registry

// Hooks: the methods of a packet object that are called as its packets are sent
// and received.

// Conn is the end of a conversation as hooks see it.
//
// Package peer hands its *peer.Conn to hooks. One that needs more, such as its
// state, its addresses, or to send, asserts to that.
type Conn interface {
	// ID is the conn's number, unique in its peer.
	ID() uint64
	// Close ends the conn in order: what was sent before still arrives.
	Close() error
}

// OnSender is asked before a packet is sent, on the goroutine that sends it.
//
// The conn and value it returns take the place of to and v; it returns both
// unchanged to let the packet pass. An error refuses the packet: nothing is
// sent, and the sender gets the error.
type OnSender interface {
	OnSend(to Conn, v any) (Conn, any, error)
}

// OnEncoder is asked before a packet is encoded, after OnSend and on the same
// goroutine.
//
// What it returns is encoded in place of v. An error refuses the packet:
// nothing is sent, and the sender gets the error.
type OnEncoder interface {
	OnEncode(to Conn, v any) (any, error)
}

// OnDecoder is asked after a packet was decoded, on the conn's loop.
//
// v is what was decoded: a *T for a packet of Define[T], else the pointer that
// NewValue made, else a plain value. What OnDecode returns is delivered in
// its place. An error keeps the packet from being delivered, and is the
// peer's to deal with, like that of a payload which cannot be decoded.
type OnDecoder interface {
	OnDecode(from Conn, v any) (any, error)
}

// OnReceiver is told that a packet arrived, on the conn's loop, after
// OnDecode and with its result. The error is the peer's to deal with.
type OnReceiver interface {
	OnReceive(from Conn, v any) error
}

// A hook may also be told which packet it serves, which an object of several
// packets needs: each of these takes the place of the interface without
// "Packet" in its name, with the same method and the packet's type as one more
// parameter.
type (
	// PacketSender is an OnSender that is told the packet.
	PacketSender interface {
		OnSend(to Conn, t *Type, v any) (Conn, any, error)
	}
	// PacketEncoder is an OnEncoder that is told the packet.
	PacketEncoder interface {
		OnEncode(to Conn, t *Type, v any) (any, error)
	}
	// PacketDecoder is an OnDecoder that is told the packet.
	PacketDecoder interface {
		OnDecode(from Conn, t *Type, v any) (any, error)
	}
	// PacketReceiver is an OnReceiver that is told the packet.
	PacketReceiver interface {
		OnReceive(from Conn, t *Type, v any) error
	}
	// PacketValuer is a Valuer that is told the packet.
	PacketValuer interface {
		NewValue(t *Type) any
	}
)

// Valuer is an object that knows what its packets are decoded into.
//
// NewValue returns a pointer to a new value, or nil to decode into a plain
// value. It is called on the conn's loop, once for each packet received. It
// is not called for packets of Define[T], which are decoded into a T.
type Valuer interface {
	NewValue() any
}

// Hooks are the hooks of one packet, nil where its object has none. Those of
// peer.Config.Hooks see the packets of all types.
//
// One object serves all conns of all peers of its registry, and every packet
// it was added for. So its hooks may be called from several goroutines at
// once: those that send, and the loop of each conn that receives. They must
// not block a loop.
type Hooks struct {
	Send    OnSender
	Encode  OnEncoder
	Decode  OnDecoder
	Receive OnReceiver
}

// hooksOf finds the hooks of a type's object once and for all, so that no
// packet costs a type assertion. It is nil for an object without any.
func hooksOf(t *Type) *Hooks {
	h := Hooks{
		Send:    hookOf(t, func(obj PacketSender) OnSender { return packetSenderHook{obj, t} }),
		Encode:  hookOf(t, func(obj PacketEncoder) OnEncoder { return packetEncoderHook{obj, t} }),
		Decode:  hookOf(t, func(obj PacketDecoder) OnDecoder { return packetDecoderHook{obj, t} }),
		Receive: hookOf(t, func(obj PacketReceiver) OnReceiver { return packetReceiverHook{obj, t} }),
	}
	if h == (Hooks{}) {
		return nil
	}
	return &h
}

// hookOf is one hook of a type's object, nil if it has none. Bind makes a hook that
// is told its packet one that is not.
func hookOf[Plain, Told any](t *Type, bind func(Told) Plain) (none Plain) {
	if hook, ok := t.object.(Plain); ok {
		return hook
	}
	if hook, ok := t.object.(Told); ok {
		return bind(hook)
	}
	return none
}

// valuerOf is what makes a type's values, nil if its object does not.
func valuerOf(t *Type) func() any {
	switch obj := t.object.(type) {
	case Valuer:
		return obj.NewValue
	case PacketValuer:
		return func() any { return obj.NewValue(t) }
	}
	return nil
}
