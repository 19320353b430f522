package peer

// The type Conn: its fields, and what it tells of itself.

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// Conn is one connection of a peer. A nil *Conn, as Default returns it while a
// client is not connected, is one that has ended: what is asked of it is
// ErrNoConn, and what it tells is zero.
//
// ReplyRaw, EncodedIn and PacketIn, the function Reply and UntypedConn.Reply are for the
// conn's loop only: its callbacks and what is posted to it. Every other method may be
// called from any goroutine. What is sent leaves in the order of the calls, whichever
// method and goroutine made them.
type Conn struct {
	// Set once.
	link engine.Conn
	peer *Peer
	id   uint64

	// For any goroutine.
	life    atomic.Uint32 // a State, and marks
	maxSend atomic.Uint32 // the largest frame that may be sent, in bytes of id and payload
	ids     atomic.Pointer[idTables]
	rare    atomic.Pointer[rareFields]
	data    atomic.Pointer[any]
	extra   atomic.Pointer[attachments]
	rtt     atomic.Uint32 // in microseconds, rounded up; 0: not measured yet

	// For the loop only.
	timeouts     timeouts
	admitted     *admittedSocket // nil: the conn needed no admission
	partialFrame *partialFrame   // nil: the next byte of input begins a frame
	flags        flags
	unknownIDs   uint8 // packets with unknown ids so far

	features atomic.Uint32 // for any goroutine; see featureWord
}

// rareFields are the fields that most conns never need, or only at their end. They are
// allocated when one of them is first set, so that an idle conn stays small.
type rareFields struct {
	// For any goroutine.
	overflow atomic.Uint32
	dropped  atomic.Uint64
	unsent   atomic.Pointer[engine.Unsent]
	work     atomic.Pointer[orderedWork] // nil: OffloadInOrder was not called

	// Set before the conn is opened.
	credentials *transportCredentials // nil: nothing is known
	proxy       net.Addr              // that it came through; nil: through none
	target      *target               // what a client connected to, and comes back to
	token       []byte                // that was shown in the handshake of the conn's Scheme; nil once Authenticate has it
	server      *Peer                 // what a memory client connected to
	otherEnd    *Conn                 // the other end of a conn in memory
	waiter      func(error)           // of Connect; the loop's from then on, nil once called

	// The loop's alone.
	admit      func()      // what is done if Decide lets the other side in; nil: no Decide is waited for
	keptInput  []byte      // input that came while a Decide was waited for
	keptMemory engine.Kept // what keptInput takes, in the account of all conns

	why          error         // what OnLost was called with
	resumedAt    time.Duration // when the last pause of reading was over, on the loop's clock
	since        time.Duration // when a client's conn was made, on the loop's clock
	lastPending  int           // Pending at the last checkQuitGrace
	overPressure bool          // more than SoftPending waits for the other side
	toldPressure bool          // what OnPressure was told last
}

// makeRare returns the rare fields, allocated if there are none yet.
func (c *Conn) makeRare() *rareFields {
	if e := c.rare.Load(); e != nil {
		return e
	}
	c.rare.CompareAndSwap(nil, new(rareFields))
	return c.rare.Load()
}

// ID is the conn's number, unique in its peer and never used again.
func (c *Conn) ID() uint64 {
	if c == nil {
		return 0
	}
	return c.id
}

// Peer is the peer that the conn belongs to.
func (c *Conn) Peer() *Peer {
	if c == nil {
		return nil
	}
	return c.peer
}

// LocalAddr is this side's address. It stays after the end.
func (c *Conn) LocalAddr() net.Addr {
	if c == nil {
		return nil
	}
	return c.link.LocalAddr()
}

// RemoteAddr is the other side's address. Of a conn that came through a proxy it is the
// client's, as Config.ProxyFrom has it. It stays after the end.
func (c *Conn) RemoteAddr() net.Addr {
	if c == nil {
		return nil
	}
	return c.link.RemoteAddr()
}

// Loop is the loop on which all callbacks of the conn run.
func (c *Conn) Loop() *engine.Loop {
	if c == nil {
		return nil
	}
	return c.link.Loop()
}

// Pending is the number of bytes that wait for the other side to take them.
func (c *Conn) Pending() int {
	if c == nil {
		return 0
	}
	return c.link.Pending()
}

// Dialed is the address of the Connect or ConnectAsync that the conn was made for,
// as it was given there, or the address that a server has sent the client to
// (Backoff.Follow), or "mem" for the conn of a MemoryClient: to choose a Token by,
// for one. It is empty where there was none.
func (c *Conn) Dialed() string {
	if c == nil {
		return ""
	}
	if e := c.rare.Load(); e != nil && e.target != nil {
		return e.target.name()
	}
	return ""
}

// SetData keeps v with the conn: a session, a player, a name.
func (c *Conn) SetData(v any) {
	if c == nil {
		return
	}
	c.data.Store(&v)
}

// Data is what SetData was given last, or nil.
func (c *Conn) Data() any {
	if c == nil {
		return nil
	}
	if v := c.data.Load(); v != nil {
		return *v
	}
	return nil
}

// String names the conn in logs.
func (c *Conn) String() string {
	if c == nil {
		return "no conn"
	}
	if a := c.RemoteAddr(); a != nil {
		return fmt.Sprintf("conn %d (%v)", c.id, a)
	}
	return fmt.Sprintf("conn %d", c.id)
}
