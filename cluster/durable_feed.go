package cluster

// Feeds: one subject of the store, on its way to one user's member.

import (
	"context"
	"errors"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

const (
	// feedWindow is how many packets of a feed a session may have that are not acknowledged.
	// More lies in sessions' memory; less waits more often for the client.
	feedWindow = 256

	// feedRetry is how long is waited until a member is sent to again that had no room, and the
	// store asked again that has not answered.
	feedRetry = 100 * time.Millisecond
)

// feed sends what is stored on a subject to a member. Of the first loop.
type feed struct {
	// Set once.
	d             *durable
	box           *mailbox
	room          string // "": the user's own packets
	subject, live string

	cursor   uint64 // number of the last packet that was sent, or was not to be
	acked    uint64 // of the last one that was acknowledged, all before it too
	settled  uint64 // of the last one that the store knows to be
	era      int    // grows when the store begins anew: what was sent before says nothing of what is in it
	record   uint64 // number of the record of the user's membership in the room
	renew    bool   // the record is of a store that is lost: it is to be written anew
	inFlight int    // packets that are not acknowledged
	want     bool   // the store may have packets after cursor
	busy     bool   // a request is under way
	blocked  bool   // step is called later
	over     bool   // nothing is sent any more
	gone     bool   // and nothing is to be settled
}

// step does what is to be done next, if anything.
func (f *feed) step() {
	switch {
	case f.busy || f.blocked && !f.over:
	case f.acked > f.settled || f.renew:
		f.settle()
	case f.over:
		f.end()
	case f.want && f.inFlight < feedWindow:
		f.read()
	}
}

// later has step called after a while.
func (f *feed) later() {
	if f.blocked {
		return
	}
	f.blocked = true
	f.d.n.srv.Reactor().Loops()[0].After(feedRetry, func() {
		f.blocked = false
		f.step()
	})
}

// read reads what comes after the cursor, and sends it.
func (f *feed) read() {
	var list []stored
	var more bool
	f.busy, f.want = true, false
	from := f.cursor + 1
	f.d.request(func(ctx context.Context) (err error) {
		list, more, err = f.d.read(ctx, f.d.packets, f.subject, from, readPackets)
		return err
	}, func(err error) {
		f.busy = false
		f.want = f.want || more || err != nil
		if !f.over {
			f.send(list)
		}
		if err != nil {
			f.d.n.cfg.Logger.Debug("store was not read", "user", f.box.user, "room", f.room, "err", err)
			f.later()
		}
		f.step()
	})
}

// hear takes a packet that has just been stored.
func (f *feed) hear(s *stored) {
	switch {
	case f.over || s.seq <= f.cursor:
	case f.busy || f.want || f.blocked || s.before > f.cursor || f.inFlight >= feedWindow:
		f.want = true
		f.step()
	default:
		f.send([]stored{*s})
		f.step()
	}
}

// send sends packets, in order, until one of them has to wait.
func (f *feed) send(list []stored) {
	sent, first := 0, f.cursor
	for i := range list {
		s := &list[i]
		if s.seq <= f.cursor {
			continue
		}
		if f.inFlight+sent >= feedWindow {
			f.want = true
			break
		}
		was, wait := f.sendOne(s)
		if wait {
			f.want = true
			f.later()
			break
		}
		f.cursor = s.seq
		if was {
			sent++
		}
	}
	if f.cursor == first {
		return
	}
	f.inFlight += sent
	f.d.count(func(st *DurableStats) { st.Delivered += uint64(sent) })
	f.awaitAck(f.cursor, sent)
}

// awaitAck has the packets up to a number count as acknowledged when they are. Of these, sent
// were sent.
func (f *feed) awaitAck(number uint64, sent int) {
	s, ok := f.box.member.(*session.Session)
	if !ok { // a bare conn acknowledges nothing
		f.ack(number, sent)
		return
	}
	era := f.era
	s.WhenAcked(func(err error) {
		f.d.n.call(func() {
			if err == nil && era != f.era {
				number = 0
			}
			if err == nil {
				f.ack(number, sent)
				return
			}
			f.d.count(func(st *DurableStats) { st.Returned += uint64(sent) })
		})
	})
}

func (f *feed) ack(number uint64, sent int) {
	f.acked = max(f.acked, number)
	f.inFlight -= sent
	f.d.count(func(st *DurableStats) { st.Acked += uint64(sent) })
	f.step()
}

// sendOne sends a packet. was says that it was sent, and wait that it has to wait. One for which
// neither is so is done with.
func (f *feed) sendOne(s *stored) (was, wait bool) {
	of := Delivery{User: f.box.user, Room: f.room, Seq: s.seq, Stored: s.at}
	id, name, payload, err := readStored(s.data)
	if err != nil {
		f.d.drop(of, err)
		return false, false
	}
	of.ID, of.Packet = id, name
	t, err := f.d.n.srv.Registry().Lookup(name)
	if err != nil {
		f.d.drop(of, peer.ErrNoPacket)
		return false, false
	}
	if f.d.cfg.Deliver != nil && !f.d.cfg.Deliver(f.box.member, of) {
		f.d.count(func(st *DurableStats) { st.Skipped++ })
		return false, false
	}
	e, err := f.d.n.srv.EncodeRaw(t, payload)
	if err == nil {
		err = f.box.binding.sent.send(f.box.member, e, f.d.created.UnixNano(), f.room, s.seq)
		e.Release()
	}
	switch {
	case err == nil:
		return true, false
	case mayPass(err):
		return false, true
	}
	f.d.drop(of, err)
	return false, false
}

// mayPass reports whether a packet that could not be sent to a member may be sent to it later, or
// to the user's next one.
func mayPass(err error) bool {
	for _, of := range []error{
		peer.ErrBackpressure, peer.ErrNotActive, peer.ErrClosed, peer.ErrNoConn,
		session.ErrFull, session.ErrEnded, session.ErrExported, room.ErrNoMember,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// settle has the store know what was acknowledged.
func (f *feed) settle() {
	upTo, store := f.acked, f.d.created.UnixNano()
	f.busy, f.renew = true, false
	f.d.request(func(ctx context.Context) error {
		if f.room != "" {
			return f.d.setCursor(ctx, f, upTo, store)
		}
		return f.d.purge(ctx, f.d.packets, f.subject, upTo)
	}, func(err error) {
		f.busy = false
		switch {
		case err == nil:
			f.settled = upTo
		case f.over: // the user has it again
			f.settled = f.acked
		default:
			f.d.n.cfg.Logger.Debug("store was not told what was acknowledged", "user", f.box.user, "room", f.room, "err", err)
			f.later()
		}
		f.step()
	})
}

// close ends the feed: what is acknowledged already is settled.
func (f *feed) close() {
	if !f.over {
		f.over = true
		f.d.remove(f)
		f.step()
	}
}

// conflict ends the feed because the record of the membership is another one than the feed knows of,
// and has the user's rooms looked for anew: he may have joined the room again.
func (f *feed) conflict() {
	b := f.box
	f.close()
	if b.feeds[f.room] == f {
		delete(b.feeds, f.room)
	}
	if !b.over {
		b.findRooms()
	}
}

// end ends the feed for good.
func (f *feed) end() {
	if !f.gone {
		f.gone = true
		f.box.busy--
		f.box.settle()
	}
}
