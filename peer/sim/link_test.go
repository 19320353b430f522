package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// errOnPurpose is what the world fails and aborts with.
var errOnPurpose = errors.New("sim: on purpose")

// link is two conns and what is known about them.
type link struct {
	w    *world
	no   int
	ends [2]*end           // the client's, the server's
	ids  map[string]uint16 // names on the wire, as the insisting side has them

	foe      bool // one end is no peer
	unlike   bool // the sides cannot agree: policies, names, one skips the handshake
	broken   bool // its transport lost something, or never was
	shaky    bool // a registry has changed since it was made
	external bool // a host or a peer that it belongs to closes or drains
}

// doubtful tells that nothing can be said about ids.
func (l *link) doubtful() bool { return l.foe || l.unlike || l.shaky }

// over tells that nothing more happens to either end.
func (l *link) over() bool { return l.ends[0].dead() && l.ends[1].dead() }

// state of something that was sent.
type fate uint8

const (
	waiting fate = iota
	maybe        // a broadcast that failed for some conn
	refused      // the send returned an error
)

// item is something that was sent on a conn.
type item struct {
	parcel
	fate fate
}

// end is one conn of a link.
type end struct {
	link  *link
	side  int
	party *party
	id    uint64
	conn  *peer.Conn // from Wrap on
	wire  *wire      // nil for a foe's
	foe   *foe

	missing bool // it could not be attached
	made    bool
	lost    int
	reason  error
	state   peer.State
	above   bool

	sent     []item
	cursor   int // of what the other end sent: what is next
	skipped  int // of what the other end sent: what was passed over, or may have been
	doubted  int // of these, what may never have been sent
	largest  int // packet that was sent, in bytes, and a bit
	quit     peer.Reason
	acted    bool // the program did something to it that ends it, other than a softquit
	injected map[uint64]bool
	paused   bool // no packets may come
	pauses   int  // so far
	stays    int  // bytes of pads that were sent and that the transport has not got
	ending   bool // a send said that it is closed
	work     work
}

func (e *end) String() string { return fmt.Sprintf("%v/%d", e.party, e.id) }

func (e *end) other() *end { return e.link.ends[1-e.side] }

// opened tells that the conn was opened.
func (e *end) opened() bool { return e.conn != nil }

// dead tells that nothing more happens to the conn.
func (e *end) dead() bool {
	if !e.opened() {
		return e.missing || e.party.host.closed
	}
	return e.lost > 0 && e.conn.State() == peer.Disconnected
}

// onMade is called first, once, and before the end.
func (e *end) onMade() {
	w := e.link.w
	w.trace.add("  %v is made", e)
	switch {
	case !e.opened():
		w.fail("%v was made and not opened", e)
	case e.made:
		w.fail("%v was made twice", e)
	case e.lost > 0:
		w.fail("%v was made after it was lost", e)
	case e.conn.State() < peer.Active:
		w.fail("%v was made in state %v", e, e.conn.State())
	}
	e.made = true
}

// onLost is called once, last.
func (e *end) onLost(reason error) {
	w := e.link.w
	w.trace.add("  %v is lost: %v", e, reason)
	if e.lost++; e.lost > 1 {
		w.fail("%v was lost twice", e)
	}
	if s := e.conn.State(); s < peer.Softquitted {
		w.fail("%v was lost in state %v", e, s)
	}
	e.reason, e.paused = reason, false
	e.explain()
	e.toldAll()
}

// explain looks for the cause of a loss in what the world did to the link.
func (e *end) explain() {
	l, o := e.link, e.other()
	var panicked *engine.PanicError
	if errors.As(e.reason, &panicked) && panicked.Value != errOnPurpose {
		l.w.fail("%v: panic: %v\n%s", e, panicked.Value, panicked.Stack)
	}
	if e.reason == nil {
		l.w.fail("%v was lost for no reason", e)
	}
	if l.foe || l.broken || l.external || l.unlike || l.shaky || e.acted || o.acted || !l.w.patient {
		return
	}
	switch {
	case e.quit != "" && o.quit != "":
		if e.reason == e.quit || e.reason == o.quit {
			return
		}
	case e.quit != "" && e.reason == e.quit, o.quit != "" && e.reason == o.quit:
		return
	case errors.Is(e.reason, engine.ErrSlowConsumer):
		if e.wire.written+e.conn.Pending() > e.party.host.soft || o.pauses > 0 {
			e.acted = true
			return
		}
	}
	l.w.fail("%v was lost without a cause: %v", e, e.reason)
}

// toldAll looks, at the end of a conn that the other side ended with a reason,
// whether everything came that was sent before.
func (e *end) toldAll() {
	_, ok := e.reason.(peer.Reason)
	if !ok || !e.made || e.link.foe || e.quit != "" || e.acted || e.party.leaves() {
		return // or this side ended it too, and wanted no more
	}
	e.complete()
}

// complete checks that what was sent to an end has come, but for what was
// dropped because there was no room.
func (e *end) complete() {
	o := e.other()
	if e.link.shaky {
		return
	}
	skipped, doubted := e.skipped, e.doubted
	first := -1
	for i, it := range o.sent[e.cursor:] {
		switch it.fate {
		case waiting:
			skipped++
			if first < 0 {
				first = e.cursor + i
			}
		case maybe:
			doubted++
		}
	}
	dropped := int(o.conn.Dropped())
	if skipped > dropped || skipped+doubted < dropped {
		e.link.w.fail("%v did not get %d of %d packets that %v sent, %d to %d were dropped; the first is %d",
			e, skipped, len(o.sent), o, dropped-doubted, dropped, first)
	}
}

// post notes what is about to be sent.
func (e *end) post(p parcel) int {
	e.sent = append(e.sent, item{parcel: p})
	return len(e.sent) - 1
}

// got checks a packet that arrived under a name.
func (e *end) got(name string, v any) {
	w := e.link.w
	switch {
	case !e.made:
		w.fail("%v got a packet before it was made", e)
	case e.lost > 0:
		w.fail("%v got a packet after it was lost", e)
	}
	if e.link.foe {
		w.trace.add("  %v got %s from a foe", e, name)
		e.mayGet(name)
		return
	}
	p, err := parcelOf(v)
	if err != nil {
		w.fail("%v got %s: %v", e, name, err)
		return
	}
	w.trace.add("  %v got %d, %s", e, p.Tag, name)
	if p.Name != name {
		w.fail("%v got %s for %s", e, name, p.Name)
	}
	if _, ok := e.injected[p.Tag]; ok {
		if e.injected[p.Tag] {
			w.fail("%v got %d twice, which was injected once", e, p.Tag)
		}
		e.injected[p.Tag] = true
		return
	}
	e.mayGet(name)
	e.match(p)
}

// mayGet fails the run if packets are to wait.
func (e *end) mayGet(name string) {
	if e.paused {
		e.link.w.fail("%v got %s during a pause", e, name)
	}
	if n := e.work.given - e.work.results; n > workAtOnce {
		e.link.w.fail("%v got %s while %d pieces of its work have no result", e, name, n)
	}
}

// match finds a packet in what the other end sent, after what came before.
func (e *end) match(p parcel) {
	w, o := e.link.w, e.other()
	for i := e.cursor; i < len(o.sent); i++ {
		it := &o.sent[i]
		if it.Tag != p.Tag {
			continue
		}
		if it.fate == refused {
			w.fail("%v got %d, whose send returned an error", e, p.Tag)
		}
		if it.Name != p.Name || !slices.Equal(it.Pad, p.Pad) {
			w.fail("%v got %d with other bytes than were sent", e, p.Tag)
		}
		for _, it := range o.sent[e.cursor:i] {
			switch it.fate {
			case waiting:
				e.skipped++
			case maybe:
				e.doubted++
			}
		}
		if e.skipped > int(o.conn.Dropped()) && !e.link.shaky {
			w.fail("%v got %d before others that were sent earlier: %d are missing, %d were dropped",
				e, p.Tag, e.skipped, o.conn.Dropped())
		}
		e.cursor = i + 1
		return
	}
	for i, it := range o.sent[:e.cursor] {
		if it.Tag == p.Tag {
			w.fail("%v got %d, the %dth, again or after the %dth", e, p.Tag, i, e.cursor)
			return
		}
	}
	w.fail("%v got %d, which was not sent to it", e, p.Tag)
}

// check compares a conn with the last look at it.
func (e *end) check() {
	if !e.opened() {
		return
	}
	w := e.link.w
	s := e.conn.State()
	if s < e.state || s > peer.Disconnected {
		w.fail("%v went from %v to %v", e, e.state, s)
	}
	if s != e.state {
		w.trace.add("  %v is %v", e, s)
	}
	e.state = s
	if e.ending && e.lost == 0 {
		w.fail("%v is closed, as a send said, and was not lost", e)
	}
	if s == peer.Disconnected {
		if e.lost != 1 && !e.party.host.stopped {
			w.fail("%v is disconnected and was lost %d times", e, e.lost)
		}
		return
	}
	if s == peer.Active && e.lost > 0 {
		w.fail("%v is active and lost", e)
	}
	if n, limit := e.conn.Pending(), 2*e.party.host.maxPending+e.largest; n > limit {
		w.fail("%v has %d bytes waiting, at most %d may", e, n, limit)
	}
	if e.wire != nil && !e.link.doubtful() && e.conn.Dropped() == 0 {
		if n := e.stays + e.wire.Buffered(); n > 2*e.party.host.maxPending+e.largest {
			w.fail("%v has %d bytes and more waiting, %d of them in its transport", e, n, e.wire.Buffered())
		}
	}
}

func (l *link) check() {
	l.ends[0].check()
	l.ends[1].check()
}
