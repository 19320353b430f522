package peer

import (
	"fmt"
	"net"
	"sync/atomic"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Conn is one connection of a peer.
//
// Reply, ReplyRaw and the Reply function are for the conn's callbacks alone;
// every other method may be called from any goroutine. What is sent leaves in
// the order of the calls, whichever method and goroutine made them.
type Conn struct {
	link engine.Conn
	peer *Peer
	id   uint64

	state    atomic.Uint32
	farewell atomic.Bool // OnLost is being called: a softquitted conn may still send
	maxSend  atomic.Int64
	rtt      atomic.Int64
	overflow atomic.Uint32
	dropped  atomic.Uint64
	aborted  atomic.Bool
	adapted  atomic.Pointer[adaptation]
	data     atomic.Value

	// The loop's alone.
	reader  codec.Reader
	watch   watch
	entry   entry       // of an accepted socket
	origin  *origin     // nil: nothing is known; set before it is opened
	beats   bool        // both sides know heartbeats
	waiter  func(error) // of Connect; nil once called
	made    bool        // OnMade was called
	lost    bool        // OnLost was called,
	why     error       // with this
	over    bool        // no more input is handled
	proven  bool        // the other side's finish was handled
	unknown uint8
	server  string      // what a client connected to; empty elsewhere
	far     *Peer       // what a memory client connected to
	leaving atomic.Bool // this side ended it: a client does not come back
}

// adaptation is the ids that both sides of a conn know packets by: the other
// side's, or this side's as they were when it told them. It is shared by the
// conns that have the same.
type adaptation struct {
	ids   []registry.Entry
	base  *registry.Table // what table was made from
	table *registry.Table
}

// ID is the conn's number, unique in its peer and never used again.
func (c *Conn) ID() uint64 { return c.id }

// Peer is the peer that the conn belongs to.
func (c *Conn) Peer() *Peer { return c.peer }

// State is how far the conn is in its life.
func (c *Conn) State() State { return State(c.state.Load()) }

// SetState puts the conn into a state, and does nothing else: no packet is
// sent and no callback is called. It is for programs with a handshake of their
// own, as with Config.SkipHandshake.
func (c *Conn) SetState(s State) { c.state.Store(uint32(s)) }

// LocalAddr is this side's address. It stays after the end.
func (c *Conn) LocalAddr() net.Addr { return c.link.LocalAddr() }

// RemoteAddr is the other side's address. It stays after the end.
func (c *Conn) RemoteAddr() net.Addr { return c.link.RemoteAddr() }

// Loop is the loop on which all callbacks of the conn run.
func (c *Conn) Loop() *engine.Loop { return c.link.Loop() }

// Pending is the number of bytes that wait for the other side to take them.
func (c *Conn) Pending() int { return c.link.Pending() }

// SetData keeps v with the conn: a session, a player, a name.
func (c *Conn) SetData(v any) { c.data.Store(box{v}) }

// Data is what SetData was given last, or nil.
func (c *Conn) Data() any {
	b, _ := c.data.Load().(box)
	return b.v
}

// box gives all values one type, as atomic.Value demands.
type box struct{ v any }

// String names the conn in logs.
func (c *Conn) String() string {
	if a := c.RemoteAddr(); a != nil {
		return fmt.Sprintf("conn %d (%v)", c.id, a)
	}
	return fmt.Sprintf("conn %d", c.id)
}

// Abort ends the conn at once, without a word to the other side. OnLost is
// told err.
func (c *Conn) Abort(err error) {
	c.leaving.Store(true)
	c.aborted.Store(true)
	c.link.Abort(err)
}

// Softquit ends the conversation: OnLost is called with the reason, then the
// other side is told it and closes. What was sent before arrives before it.
// An empty reason means ReasonUnknown. ErrNotActive means that the conn was
// being ended already.
func (c *Conn) Softquit(reason string) error {
	for {
		s := c.state.Load()
		if State(s) >= Softquitted {
			return ErrNotActive
		}
		if c.state.CompareAndSwap(s, uint32(Softquitted)) {
			break
		}
	}
	if reason == "" {
		reason = string(ReasonUnknown)
	}
	return c.link.Loop().Post(func() { c.quit(Reason(reason), nil) })
}

// table is the dispatch table of the conn: the registry's own, or the same
// packets under the other side's ids.
func (c *Conn) table() *registry.Table {
	base := c.peer.reg.Table()
	a := c.adapted.Load()
	if a == nil {
		return base
	}
	if a.base != base { // packets were added or removed since
		a = &adaptation{ids: a.ids, base: base, table: base.Rebase(a.ids)}
		c.adapted.Store(a)
	}
	return a.table
}
