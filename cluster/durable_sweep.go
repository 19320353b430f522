package cluster

// The sweep: what is found again and again in the store, because nobody tells it.

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// sweepEvery is how often the store is looked through. More finds a packet later of which the
// node was not told, because NATS has lost that; less costs more requests.
const sweepEvery = 5 * time.Second

var errNotDropped = errors.New("the store keeps a packet that was to be dropped")

// sweep looks through the store until the node has left.
func (d *durable) sweep() {
	every := min(sweepEvery, max(d.cfg.Age/4, 100*time.Millisecond))
	for wait := every; d.pause(wait); {
		began := time.Now()
		err := d.sweepOnce(d.ctx)
		switch {
		case err == nil:
			d.setError(nil)
		case d.ctx.Err() == nil:
			d.n.cfg.Logger.Warn("store was not looked through", "err", err)
			d.setError(storeError(err))
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				d.streams(d.ctx) // the store has lost all it had
			}
		}
		wait = max(every, 10*time.Since(began)) // a tenth of the time at most
	}
}

func (d *durable) sweepOnce(ctx context.Context) error {
	if err := d.findMissed(ctx); err != nil {
		return err
	}
	if err := d.findEnrolled(ctx); err != nil {
		return err
	}
	if !d.isFirst() {
		return nil
	}
	return d.dropAged(ctx)
}

// isFirst reports whether this node is the one to drop what has waited for too long.
func (d *durable) isFirst() bool {
	for _, other := range d.n.Nodes() {
		if other < d.n.Name() {
			return false
		}
	}
	return true
}

// findMissed has feeds read for which the store has more than they have heard of.
func (d *durable) findMissed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	info, err := d.packets.Info(ctx, jetstream.WithSubjectFilter(d.subject("durable", "user", "*")))
	if err != nil {
		return err
	}
	var waiting uint64
	for _, n := range info.State.Subjects {
		waiting += n
	}
	d.count(func(s *DurableStats) { s.Waiting = waiting })
	d.n.call(func() {
		anew := !info.Created.Equal(d.created) // the store has lost all it had, and counts from 1 again
		d.created = info.Created
		if anew {
			d.store.Store(info.Created.UnixNano())
			d.tellLost()
		}
		for _, list := range d.feeds {
			for _, f := range list {
				if anew {
					f.cursor, f.acked, f.settled, f.era = 0, 0, 0, f.era+1
				}
				if f.room == "" && (anew || info.State.Subjects[f.subject] > uint64(f.inFlight)) {
					f.want = true
					f.step()
				}
			}
			d.findMissedOf(list)
		}
	})
	return nil
}

// findEnrolled has the rooms followed which users of this node have joined, though the word of it was
// lost: it reads the records that were written since the last time.
func (d *durable) findEnrolled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	info, err := d.members.Info(ctx)
	if err != nil {
		return err
	}
	if !info.Created.Equal(d.membersMade) {
		d.membersMade, d.memberSeq = info.Created, 0
		d.n.call(func() { d.lost(StoreMembers) })
	}
	for more := d.memberSeq < info.State.LastSeq; more; {
		var list []stored
		if list, more, err = d.read(ctx, d.members, d.subject("member", "*", "*"), d.memberSeq+1, memberPage); err != nil {
			return err
		}
		var all []membership
		for i := range list {
			d.memberSeq = list[i].seq
			if m, err := d.membershipOf(&list[i]); err == nil {
				all = append(all, m)
			}
		}
		d.n.call(func() { d.follow(all) })
	}
	return nil
}

// follow has users of this node follow rooms by their records.
func (d *durable) follow(all []membership) {
	for i := range all {
		if b := d.boxes[all[i].user]; b != nil && b.begun && !b.over {
			b.follow(&all[i])
		}
	}
}

// findMissedOf has feeds of a room read: the one that is furthest, which finds out what there is, and
// those that have read less.
func (d *durable) findMissedOf(list []*feed) {
	if len(list) == 0 || list[0].room == "" {
		return
	}
	first := list[0]
	for _, f := range list {
		if f.cursor > first.cursor {
			first = f
		}
	}
	for _, f := range list {
		if f == first || f.cursor < first.cursor {
			f.want = true
			f.step()
		}
	}
}

// dropAged drops what has waited for too long. The stream is in the order of time.
func (d *durable) dropAged(ctx context.Context) error {
	members := make(map[string][]membership) // by subject of the room
	for last := uint64(0); ; {
		list, _, err := d.read(ctx, d.packets, d.subject("durable", ">"), 1, readPackets)
		if err != nil || len(list) == 0 {
			return err
		}
		if list[0].seq == last {
			return errNotDropped
		}
		last = list[0].seq
		for i := range list {
			s := &list[i]
			if time.Since(s.at) < d.cfg.Age {
				return nil
			}
			if _, known := members[s.subject]; !known && strings.HasPrefix(s.subject, d.subject("durable", "room")+".") {
				room, _ := lastName(s.subject)
				if members[s.subject], err = d.membersOf(ctx, room); err != nil {
					return err
				}
			}
			d.dropStored(ctx, s, members[s.subject], ErrAged)
		}
	}
}
