package registry

// Conn is the end of a conversation as hooks see it.
//
// Package peer hands its *peer.Conn to hooks; one that needs more, such as
// its state, its peer or its addresses, may type-assert to that.
type Conn interface {
	// ID is the conn's number, unique in its peer.
	ID() uint64
	// Send sends v as a packet, which is a name, an id, a packet object or a
	// handle, as for Registry.Lookup.
	Send(packet, v any) error
	// Softquit ends the conn with a reason that the other side is told.
	Softquit(reason string) error
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
// v is what was decoded: a *T for a packet of Add[T], else the pointer that
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

// Valuer is an object that knows what its packets are decoded into.
//
// NewValue returns a pointer to a new value, or nil to decode into a plain
// value. It is called on the conn's loop, once for each packet received. It
// is not called for packets of Add[T], which are decoded into a T.
type Valuer interface {
	NewValue() any
}

// Hooks are the hooks of one packet object, nil where it has none.
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

// hooksOf finds the hooks of an object once and for all, so that no packet
// costs a type assertion. It is nil for an object without any.
func hooksOf(obj any) *Hooks {
	var h Hooks
	h.Send, _ = obj.(OnSender)
	h.Encode, _ = obj.(OnEncoder)
	h.Decode, _ = obj.(OnDecoder)
	h.Receive, _ = obj.(OnReceiver)
	if h.Send == nil && h.Encode == nil && h.Decode == nil && h.Receive == nil {
		return nil
	}
	return &h
}
