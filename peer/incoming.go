package peer

// Incoming: one packet on its way through middleware to its handler. Each loop has a few
// of them, which are used again, so that middleware allocates nothing.

import "github.com/packetmq/packetmq/registry"

// Incoming is one packet on its way to its handler, as a Middleware sees it. It is valid
// until the middleware returns: then it is another packet's. On the conn's loop only.
type Incoming struct {
	conn    *Conn
	packet  *registry.Type
	handler *handler // before middleware was put around it; nil: Config.OnPacket
	payload []byte
	value   any
	holds   incomingValue
	free    *freeIncomings // where it goes when it is not used any more
	next    *Incoming      // of the free ones
}

// incomingValue is what the value of an Incoming is.
type incomingValue uint8

const (
	valueEncoded  incomingValue = iota // there is only the payload
	valueDecoded                       // what came, decoded, or what hooks made of that
	valueReplaced                      // what SetValue was given
)

// Conn is the conn that the packet came on. A packet of AddInternal may come before OnMade.
func (in *Incoming) Conn() *Conn { return in.conn }

// Packet is the packet's type.
func (in *Incoming) Packet() *registry.Type { return in.packet }

// Size is the length of Payload in bytes.
func (in *Incoming) Size() int { return len(in.payload) }

// Payload is what the other side sent, still encoded. It is valid during the call and must
// not be changed. It is nil for a packet that the program itself gave to Conn.PacketIn or
// UntypedConn.RecvPacket. SetValue does not change it.
func (in *Incoming) Payload() []byte { return in.payload }

// Value is the packet, decoded as for its handler: a *T for a packet of Define[T]. The
// first call decodes it, unless hooks have, and the handler gets the same value: to change
// what it points to changes what the handler sees. With registry.Reuse it is valid during
// the call. An error is a *PayloadError, which the middleware should return.
//
// A handler of HandleRaw gets the payload all the same.
func (in *Incoming) Value() (any, error) {
	in.conn.mustBeOnLoop("Incoming.Value")
	if in.holds != valueEncoded {
		return in.value, nil
	}
	v, err := in.decode()
	if err != nil {
		return nil, err
	}
	in.value, in.holds = v, valueDecoded
	return v, nil
}

func (in *Incoming) decode() (any, error) {
	if h := in.handler; h != nil && h.decode != nil {
		return h.decode(in.conn, in.payload)
	}
	return in.conn.peer.decode(in.packet, in.payload)
}

// SetValue has the handler get v in place of what came. For a packet of Define[T] it is a
// *T, a T, or what is exactly a T, as for UntypedPeer; anything else is a *ValueError, and
// changes nothing. A handler of HandleRaw gets v encoded.
func (in *Incoming) SetValue(v any) error {
	in.conn.mustBeOnLoop("Incoming.SetValue")
	if h := in.handler; h == nil || h.takes == nil || !h.takes(v) {
		var err error
		if v, err = in.conn.peer.convertReceived(in.packet, v); err != nil {
			return err
		}
	}
	in.value, in.holds = v, valueReplaced
	return nil
}

// freeIncomings are the Incomings of one loop that are not in use: as many as calls of
// handlers were ever nested.
type freeIncomings struct {
	first *Incoming
	_     [56]byte // loops do not share cache lines
}

// incoming takes an Incoming for a packet that h handles. A panic or a Goexit in middleware
// loses it, which costs an allocation at the next packet and nothing else.
func (p *Peer) incoming(c *Conn, t *registry.Type, h *handler, payload []byte) *Incoming {
	free := &p.incomings[c.link.Loop().Index()]
	in := free.first
	if in == nil {
		in = &Incoming{free: free}
	}
	free.first = in.next
	in.conn, in.packet, in.handler, in.payload = c, t, h, lend(payload)
	return in
}

// decodedIncoming takes an Incoming for a packet that is decoded, and that hooks may have seen.
func (p *Peer) decodedIncoming(c *Conn, t *registry.Type, h *handler, payload []byte, v any) *Incoming {
	in := p.incoming(c, t, h, payload)
	in.value, in.holds = v, valueDecoded
	return in
}

// pass has the packet handled by first, and ends the use of the Incoming, which keeps nothing
// of the packet.
func (in *Incoming) pass(first Next) error {
	err := first(in)
	endLoan(in.payload)
	*in = Incoming{free: in.free, next: in.free.first}
	in.free.first = in
	return err
}
