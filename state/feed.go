package state

// feed: one reader of a State on one conn: what it was told, and what it owes.

import (
	"errors"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// A tick looks at so many bytes of values at most, for a reader whose view sees few of them:
// widest times Config.PerTick, or leastLooked. More may hold the loop up, less delays what the
// reader sees.
const (
	widest      = 4
	leastLooked = 64 << 10
)

// feed is a reader on the conn that it has. Loop only, but for what is set once.
type feed struct {
	// Set once.
	source *source
	reader *reader
	conn   *peer.Conn
	lane   *lane

	outlet *outlet       // nil: it is not attached yet
	gone   bool          // it was attached, and is no more
	phase  int64         // in the lane
	place  int           // in the phase
	last   time.Duration // when it was served

	checked  bool // it can be sent to
	refused  bool // it cannot
	owes     bool // it was not served, since acknowledgements are owed
	begun    bool // the other side was told that the snapshot begins
	unmarked bool // something was sent since the last end of a tick
	whole    bool // the other side is to be told that the snapshot is complete
	pos      position
	views    uint32 // reader.views, when the view was taken
	judge    judge  // the view; nil: everything is seen
	has      bitmap // slots whose values the other side has; nil: those of pos
	buf      []byte // of messages
	chunk    int    // bytes of values that are taken at once: fewer after there was no room for all of them
}

// attach begins to feed the conn.
func (f *feed) attach() {
	side := sideOf(f.conn)
	if side.gone || f.conn.State() >= peer.Softquitted {
		f.forgetReader()
		return
	}
	f.outlet = side.outlet(f.source.packet.Name())
	f.outlet.add(f)
	f.lane.add(f)
}

// detach ends it.
func (f *feed) detach() {
	if f.outlet == nil || f.gone {
		return
	}
	f.gone = true
	f.lane.remove(f)
	f.outlet.remove(f)
}

// forget ends it at the end of the conn, which forgets the outlet.
func (f *feed) forget() {
	f.gone = true
	f.lane.remove(f)
	f.forgetReader()
}

// forgetReader has the reader without a feed, if this is still its own.
func (f *feed) forgetReader() {
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	if f.reader.feed == f {
		f.reader.feed = nil
	}
}

// restart has the reader told everything anew, by a snapshot.
func (f *feed) restart() {
	f.begun, f.whole, f.unmarked = false, false, false
	f.pos = position{}
	if f.has = nil; f.judge != nil {
		f.has = make(bitmap, 1)
	}
}

// stir has it looked at soon.
func (f *feed) stir() {
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	f.lane.stir()
}

// acknowledged is called when the other side has acknowledged a tick. A reader that was not
// served because it owed that is served at once, if its time has come.
func (f *feed) acknowledged() {
	if !f.owes {
		return
	}
	f.owes = false
	now := f.conn.Loop().Time()
	if now-f.last < f.source.period || f.tick(now) {
		f.stir()
	}
}

// tick tells the reader what it lacks. more is true if it is to be looked at again although
// nothing changes.
func (f *feed) tick(now time.Duration) (more bool) {
	if f.gone || f.refused || f.outlet.served() != f {
		return false
	}
	if s := f.conn.State(); s != peer.Active {
		return s < peer.Active
	}
	if !f.checked {
		if err := f.source.checkConn(f.conn); err != nil {
			f.refuse(err)
			return false
		}
		f.checked = true
	}
	if !f.prepare() {
		return false
	}
	if o := f.outlet; o.sent-o.acked >= uint64(f.source.cfg.Owed) {
		f.owes = true
		f.source.counts.held.Add(1)
		return false
	}
	f.last = now
	more, err := f.tell()
	switch {
	case err == nil:
		return more
	case errors.Is(err, peer.ErrBackpressure):
		f.source.counts.noRoom.Add(1)
		return true
	case f.conn.State() == peer.Active: // the packet is not in the registry any more
		f.refuse(err)
	}
	return false
}

// refuse ends a feed that cannot be sent to. A conn is a reader no more, and may join again; a
// session stays one, since its next conn may be another.
func (f *feed) refuse(err error) {
	s, r := f.source, f.reader
	f.refused = true
	s.refuse(f.conn, err)
	if _, isConn := r.member.(*peer.Conn); !isConn {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.why = 0
	r.sync()
}

// prepare takes a view that has changed, and reports whether there is something to tell.
func (f *feed) prepare() bool {
	s := f.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.views != f.reader.views {
		f.views = f.reader.views
		if f.judge = nil; f.reader.view != nil {
			f.judge = f.reader.view()
		}
		f.review()
	}
	if f.pos.lost(&s.table) {
		f.restart()
	}
	return f.unmarked || f.pos.behind(&s.table)
}

// review has everything looked at again. source.mu is held.
func (f *feed) review() {
	if !f.pos.told {
		f.restart()
		return
	}
	t := &f.source.table
	if f.has == nil { // it has all that it was told, and may have what has changed since
		f.has = make(bitmap, 1)
		for at := range t.slots {
			if t.slots[at].version != 0 {
				f.has.set(int32(at))
			}
		}
	}
	f.pos.review(t)
}

// tell sends what the reader lacks, as much as one tick may have. With an error, what was not
// sent will be told at another tick.
func (f *feed) tell() (more bool, err error) {
	s := f.source
	if !f.begun {
		f.buf = appendBegins(f.buf[:0], f.outlet.number, f.outlet.name)
		if err := f.send(f.buf); err != nil {
			return false, err
		}
		f.begun, f.outlet.begun, f.outlet.empty = true, true, false
		s.counts.snapshots.Add(1)
	}
	if f.tellNews() {
		return false, f.mark()
	}
	b := batches.Get().(*batch)
	defer b.release()
	done := !f.behind()
	most := max(widest*s.cfg.PerTick, leastLooked)
	for spent, looked := 0, 0; !done && spent < s.cfg.PerTick && looked < most; {
		before := f.pos
		done = f.take(b, min(s.cfg.PerTick-spent, f.chunk))
		n, err := f.sendBatch(b)
		if err != nil {
			f.pos = before
			if n > 0 {
				f.chunk = max(min(f.chunk, n)/2, 1)
			}
			return true, err
		}
		f.chunk = min(2*f.chunk, s.cfg.PerTick)
		f.whole = f.whole || !before.told && f.pos.told
		spent += n
		looked += len(b.bytes) + changeSize*len(b.changes)
	}
	return !done, f.mark()
}

// tellNews tells a reader what others of its phase lack, too. It returns false if it has told
// nothing, because the reader is told something else, or there is little room.
func (f *feed) tellNews() bool {
	s, n := f.source, f.lane.news
	if n == nil || f.judge != nil || f.has != nil || !f.pos.told || f.pos.sweeping || f.whole || f.chunk < s.cfg.PerTick {
		return false
	}
	s.mu.Lock()
	ok := n.since(f.pos.seen, &s.table, s.cfg.PerTick)
	s.mu.Unlock()
	if !ok || !f.conn.ReplyRawAll(s.packet, n.payloads) {
		return false
	}
	f.pos.seen = n.upTo
	f.unmarked = true
	s.counts.values.Add(uint64(len(n.payloads)))
	return true
}

func (f *feed) behind() bool {
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	return f.pos.behind(&f.source.table)
}

// take copies what the reader is to be told next.
func (f *feed) take(b *batch, limit int) (done bool) {
	b.reset()
	if f.judge != nil {
		f.judge.reset()
	}
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	return f.pos.next(&f.source.table, limit, b, f.judge)
}

// sendBatch sends removals of what the reader has and does not see, and then what it sees of
// b, so that a mirror with room for just as many keys has it. Of what is too large for the
// conn the reader is to keep no older value. It returns how many bytes that were, about.
func (f *feed) sendBatch(b *batch) (n int, err error) {
	f.judgeBatch(b)
	values := uint64(0)
	defer func() { f.source.counts.values.Add(values) }()
	n = changeSize * len(b.removals)
	if err := f.sendRemovals(b); err != nil {
		return n, err
	}
	for i := range b.changes {
		c := &b.changes[i]
		if !c.send {
			continue
		}
		sent, err := f.sendValue(b.payload(c))
		switch {
		case err != nil:
			return n, err
		case !sent:
			b.removals, b.removed = append(b.removals, c.key), append(b.removed, c.slot)
		default:
			values++
			if f.has != nil {
				f.has.set(c.slot)
			}
		}
		n += int(c.end-c.at) + changeSize
	}
	return n, f.sendRemovals(b)
}

// judgeBatch finds out what of b the reader is to be sent, and what it is to remove.
func (f *feed) judgeBatch(b *batch) {
	for i := range b.changes {
		c := &b.changes[i]
		switch {
		case !f.sees(b, i):
			if f.has == nil || f.has.has(c.slot) {
				b.removals, b.removed = append(b.removals, c.key), append(b.removed, c.slot)
			}
		default:
			c.send = c.news || f.has != nil && !f.has.has(c.slot)
		}
	}
}

// sees reports whether the reader sees the value of a change.
func (f *feed) sees(b *batch, i int) (sees bool) {
	c := &b.changes[i]
	if c.removed || f.judge == nil {
		return !c.removed
	}
	f.source.callProgram(f.conn, func() { sees = f.judge.sees(i, b.payload(c)) })
	return sees
}

// sendValue sends a value. One that is too large for the conn is left out, and the program is
// told.
func (f *feed) sendValue(payload []byte) (sent bool, err error) {
	err = f.conn.ReplyRaw(f.source.packet, payload)
	switch {
	case err == nil:
		f.unmarked = true
		return true, nil
	case !isTooLarge(err):
		return false, err
	}
	f.source.counts.tooLarge.Add(1)
	f.source.peer.Log(levelRefused, "value of a state is too large for a conn", "packet", f.source.packet.Name(),
		"conn", f.conn.ID(), "err", err)
	return false, nil
}

func isTooLarge(err error) bool {
	var size *peer.SizeError
	return errors.As(err, &size)
}

// sendRemovals sends the removals of b, which has none then.
func (f *feed) sendRemovals(b *batch) error {
	keys, slots := b.removals, b.removed
	b.removals, b.removed = b.removals[:0], b.removed[:0]
	for most := maxRemovals; len(keys) > 0; {
		n := min(len(keys), most)
		f.buf = appendRemoves(f.buf[:0], f.outlet.number, keys[:n])
		err := f.send(f.buf)
		if isTooLarge(err) && n > 1 { // the other side takes short packets only
			most = n / 2
			continue
		}
		if err != nil {
			return err
		}
		f.unmarked = true
		f.source.counts.removals.Add(uint64(n))
		for _, at := range slots[:n] {
			f.has.unset(at)
		}
		keys, slots = keys[n:], slots[n:]
	}
	return nil
}

// mark ends the tick, if anything was sent in it.
func (f *feed) mark() error {
	k := ticked
	switch {
	case f.whole:
		k = complete
	case !f.unmarked:
		return nil
	}
	f.buf = appendTick(f.buf[:0], k, f.outlet.number, f.outlet.sent+1)
	if err := f.send(f.buf); err != nil {
		f.unmarked = true // so that it is looked at again
		return err
	}
	f.outlet.sent++
	f.whole, f.unmarked = false, false
	f.source.counts.ticks.Add(1)
	return nil
}

func (f *feed) send(b []byte) error { return f.conn.ReplyExtension(FeatureState, b) }
