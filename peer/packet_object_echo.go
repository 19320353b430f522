package peer

// Echo: a packet object that sends back what comes.

import "github.com/packetmq/packetmq/registry"

// Echo is a packet object that sends what it receives back to where it came
// from, as another packet. As is that packet's name, id, object or handle. It
// may be registered later than the Echo.
//
// Two equal Echos are one object, which then serves several packets; register
// pointers to tell them apart.
type Echo struct{ As any }

// OnReceive sends v back. The error is ErrNoConn if from is nil or is no *Conn.
func (e Echo) OnReceive(from registry.Conn, v any) error {
	c, _ := from.(*Conn)
	return c.Untyped().Send(e.As, v)
}
