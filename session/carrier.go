package session

// carrier: a conn that carries a session, has carried one, or may.

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// carrierSlot is where a conn has its carrier. It is an identity, and never changes.
var carrierSlot = peer.NewSlot[*carrier]()

// pumpEvery is how long a conn that had no room is left alone, unless it tells that it has
// some. More keeps packets waiting for longer; less looks in vain more often.
const pumpEvery = 50 * time.Millisecond

// carrier is a conn that carries a session, has carried one, or may.
type carrier struct {
	// Set once.
	conn *peer.Conn
	host *host

	// For any goroutine.
	session atomic.Pointer[Session] // nil: it carries none
	stalled atomic.Bool             // pump will be called, because the conn had no room

	// For the conn's loop only.
	served   bool   // the other side serves sessions
	attempt  uint32 // at a client: the number of the conn
	asked    bool   // it has asked for a session: a conn is for one, and has one try
	sought   bool   // at a server: the session was looked for elsewhere,
	nowhere  bool   // and is nowhere
	replaced bool   // at a server: a copy of the session has ended for it
	live     bool   // it carries its session
	over     bool   // it has carried one, or was about to, and does not any more: packets of it are late
	lost     bool

	// While it carries a session, for the conn's loop only.
	in         uint64 // packets of the session that were handled, those on other conns included
	told       uint64 // of them, those that are acknowledged
	again      uint64 // packets that come next and were handled, since they were not acknowledged
	unackBytes int    // of the others
	ackPackets uint64 // after how many they are acknowledged
	ackBytes   int
	owes       bool          // an acknowledgement has to be sent, whatever was handled
	armed      bool          // tick will be called
	timer      *engine.Timer // that calls it; nil: it was not needed so far
	ackBuffer  [16]byte
}

func (h *host) carrierOf(c *peer.Conn) *carrier {
	if k, ok := carrierSlot.Get(c); ok {
		return k
	}
	return carrierSlot.GetOrSet(c, func() *carrier { return &carrier{conn: c, host: h} })
}

// packet handles a message about a session.
func (h *host) packet(c *peer.Conn, payload []byte) error {
	k := h.carrierOf(c)
	if n, ok := readAck(payload); ok { // apart, so that it allocates nothing
		return k.judged(k.acknowledged(n))
	}
	m, err := readMessage(payload)
	if err == nil {
		err = k.message(m)
	}
	return k.judged(err)
}

// inside counts a packet of a session, which is handled after that: the handler may end the
// conn.
func (h *host) inside(c *peer.Conn, size int) error {
	k := h.carrierOf(c)
	if !k.live {
		if err := k.idle("a packet"); err != nil {
			return k.judged(err)
		}
		return peer.ErrDrop
	}
	if k.again > 0 {
		k.again--
		return peer.ErrDrop
	}
	k.in++
	k.unackBytes += size
	switch {
	case k.in-k.told >= k.ackPackets || k.unackBytes >= k.ackBytes:
		k.ack()
	case !k.armed:
		k.arm()
	}
	return nil
}

// judged counts what the other side may not send, and has it end the conn.
func (k *carrier) judged(err error) error {
	if err == nil {
		return nil
	}
	var bad *WireError
	if errors.As(err, &bad) {
		k.host.counters.malformed.Add(1)
		return &peer.PayloadError{Packet: "session", Err: err}
	}
	return err
}

// idle returns why something may not come that is for a session which the conn carries. It may
// if the conn has carried one: the other side did not know.
func (k *carrier) idle(what string) error {
	if k.over {
		return nil
	}
	return &WireError{what + " came where there is no session"}
}

// message handles a message.
func (k *carrier) message(m any) error {
	s := k.session.Load()
	switch m := m.(type) {
	case *begin, *resume:
		return k.asks(m)
	case *accepted:
		if s == nil || s.server != nil {
			return k.idle("an answer")
		}
		s.accept(k, m)
	case refusal:
		if s == nil || s.server != nil {
			return k.idle("a refusal")
		}
		s.refused(k, m)
	case *end:
		if !k.live {
			return k.idle("an end")
		}
		s.endedThere(k, m)
	}
	return nil
}

// acknowledged handles an acknowledgement.
func (k *carrier) acknowledged(n uint64) error {
	if !k.live {
		return k.idle("an acknowledgement")
	}
	k.session.Load().acked(k, n)
	return nil
}

// ack tells the other side what was handled; where copies are kept, when one has that.
func (k *carrier) ack() {
	if s := k.session.Load(); s.keeper() != nil {
		k.unackBytes = 0
		s.copySoon()
		return
	}
	k.tell(k.in)
}

// tell tells the other side how many packets need not be sent again.
func (k *carrier) tell(n uint64) {
	if k.conn.SendExtension(Feature, appendAck(k.ackBuffer[:0], n)) != nil {
		k.owes = true
		k.arm() // no room; or the conn is ending
		return
	}
	k.told, k.unackBytes, k.owes = n, 0, false
}

// arm has tick called after Config.AckEvery.
func (k *carrier) arm() {
	if k.armed {
		return
	}
	k.armed = true
	every := k.session.Load().cfg.AckEvery
	if k.timer == nil {
		k.timer = k.conn.Loop().After(every, k.tick)
		return
	}
	k.timer.Reset(every)
}

// tick acknowledges what was not acknowledged meanwhile.
func (k *carrier) tick() {
	k.armed = false
	if k.live && !k.lost && (k.owes || k.in != k.told) {
		k.ack()
	}
}

// pumpLater has pump called when the conn may have room again. err is why it has none.
func (k *carrier) pumpLater(err error) {
	if errors.Is(err, peer.ErrBackpressure) && !k.stalled.Swap(true) {
		k.conn.Loop().After(pumpEvery, func() {
			k.stalled.Store(false)
			k.pump()
		})
	}
}

// pump gives the conn what waits for it. On the conn's loop.
func (k *carrier) pump() {
	s := k.session.Load()
	if s == nil || !k.live {
		return
	}
	s.mu.Lock()
	var err error
	if s.carrier == k {
		err = s.pump(k)
	}
	s.mu.Unlock()
	if err != nil {
		s.finish(err, true)
	}
}

// lose is called when the conn is lost.
func (k *carrier) lose(reason error) {
	k.lost = true
	if k.timer != nil {
		k.timer.Stop()
	}
	if s := k.session.Load(); s != nil && !k.over {
		s.connLost(k, reason)
	}
}
