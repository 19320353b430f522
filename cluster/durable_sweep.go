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
	for {
		list, _, err := d.read(ctx, d.packets, d.subject("durable", ">"), 1, readPackets)
		if err != nil || len(list) == 0 {
			return err
		}
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
