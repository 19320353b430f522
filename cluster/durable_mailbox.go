package cluster

// Mailboxes: what the store has for a user who is at this node.

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/room"
)

// yieldTimeout is how long a node may take to stop sending to a user who has come to another one.
// More keeps the user waiting for longer if the node is gone; less may send him twice what he had
// acknowledged there.
const yieldTimeout = time.Second

// mailbox is what the store has for a user, as long as he is bound here. Of the first loop.
type mailbox struct {
	d       *durable
	user    string
	member  room.Member
	binding *binding
	feeds   map[string]*feed // by room; "": the user's own
	begun   bool             // the feeds are being found, or are there
	over    bool             // the user is not bound here any more
	busy    int              // feeds, and requests of begin, that are not over
	done    chan struct{}    // closed when what was acknowledged is deleted in the store
}

// bound has what waits for a user sent to his member. from is the node where he was, "" if none
// is known. n.mu is held.
func (d *durable) bound(user string, b *binding, from string) {
	if d == nil {
		return
	}
	d.n.call(func() {
		box := &mailbox{d: d, user: user, member: b.member, binding: b, feeds: make(map[string]*feed), done: make(chan struct{})}
		old := d.boxes[user]
		d.boxes[user] = box
		if old == nil {
			box.begin(from)
			return
		}
		old.close()
		box.busy++
		d.spawn(func() {
			select {
			case <-old.done:
				d.n.call(func() { box.busy--; box.begin(""); box.settle() })
			case <-d.ctx.Done():
			}
		})
	})
}

// unbound has nothing sent to a user any more who is bound here no more. n.mu is held.
func (d *durable) unbound(user string, b *binding) {
	if d == nil {
		return
	}
	d.n.call(func() {
		if box := d.boxes[user]; box != nil && box.binding == b {
			box.close()
		}
	})
}

// begin finds the rooms of the user, when the node where he was has stopped sending to him.
func (b *mailbox) begin(from string) {
	if b.begun || b.over || !b.d.isReady() {
		return
	}
	b.begun = true
	b.busy++
	b.d.request(func(ctx context.Context) error {
		if from != "" && from != b.d.n.Name() {
			b.d.askToYield(ctx, from, b)
		}
		return nil
	}, func(error) {
		b.busy--
		if !b.over {
			b.d.subscribe(b.enrolments())
			b.feed("", 0, 0)
			b.findRooms()
		}
		b.settle()
	})
}

// feed adds the feed of a room, or the user's own.
func (b *mailbox) feed(room string, cursor, record uint64) {
	if b.over || b.feeds[room] != nil {
		return
	}
	f := &feed{d: b.d, box: b, room: room, cursor: cursor, acked: cursor, settled: cursor, record: record}
	f.subject, f.live = b.d.at("durable", b.user, ""), b.d.at("live", b.user, "")
	if room != "" {
		f.subject, f.live = b.d.at("durable", "", room), b.d.at("live", "", room)
	}
	b.feeds[room] = f
	b.busy++
	b.d.subscribe(f.live)
	b.d.feeds[f.live] = append(b.d.feeds[f.live], f)
	f.want = true
	if mark := b.binding.sent.of(b.d.created.UnixNano(), room); mark > f.cursor { // the session has come with these
		f.cursor = mark
		f.awaitAck(mark, 0)
	}
	f.step()
}

// close ends the feeds: nothing more is sent, and what was acknowledged is deleted.
func (b *mailbox) close() {
	if b.over {
		return
	}
	b.over = true
	b.d.unsubscribe(b.enrolments())
	for _, f := range b.feeds {
		f.close()
	}
	b.settle()
}

// enrolments is the subject on which it is told that the user joins and leaves durable rooms.
func (b *mailbox) enrolments() string { return b.d.subject("enrolled", token(b.user)) }

// settle forgets a mailbox that is over, when nothing of it is under way.
func (b *mailbox) settle() {
	if !b.over || b.busy > 0 {
		return
	}
	select {
	case <-b.done:
		return
	default:
		close(b.done)
	}
	if b.d.boxes[b.user] == b {
		delete(b.d.boxes, b.user)
	}
}

// subscribe has what is stored on a subject heard.
func (d *durable) subscribe(live string) {
	if d.subs[live] != nil || d.ctx.Err() != nil {
		return
	}
	sub, err := d.nc.ChanSubscribe(live, d.live)
	if err != nil {
		d.n.cfg.Logger.Warn("what is stored is not heard", "subject", live, "err", err)
		return // sweep finds it
	}
	d.subs[live] = sub
}

// unsubscribe has what is stored on a subject heard no more.
func (d *durable) unsubscribe(live string) {
	if sub := d.subs[live]; sub != nil {
		sub.Unsubscribe()
		delete(d.subs, live)
	}
}

// remove has a feed hear nothing any more.
func (d *durable) remove(f *feed) {
	list := slices.DeleteFunc(d.feeds[f.live], func(other *feed) bool { return other == f })
	if len(list) > 0 {
		d.feeds[f.live] = list
		return
	}
	delete(d.feeds, f.live)
	d.unsubscribe(f.live)
}

// askToYield has the node where a user was stop sending to him, and waits until what he had
// acknowledged there is deleted, if the node answers.
func (d *durable) askToYield(ctx context.Context, node string, b *mailbox) {
	ctx, cancel := context.WithTimeout(ctx, yieldTimeout)
	defer cancel()
	ask := codec.AppendString(codec.AppendArrayHeader(nil, 3), b.user)
	ask = codec.AppendString(codec.AppendUint(ask, b.binding.time), d.n.Name())
	if _, err := d.nc.RequestWithContext(ctx, d.subject("yield", node), ask); err != nil {
		d.n.cfg.Logger.Debug("a node has not stopped sending to a user", "node", node, "user", b.user, "err", err)
	}
}

// yields answers askToYield.
func (d *durable) yields(m *nats.Msg) {
	user, at, err := readYield(m.Data)
	if err != nil {
		d.n.malformed(len(m.Data), err)
		return
	}
	d.n.call(func() {
		box := d.boxes[user]
		if box == nil || d.isLater(user, at) {
			m.Respond(nil)
			return
		}
		box.close()
		d.spawn(func() {
			select {
			case <-box.done:
				m.Respond(nil)
			case <-d.ctx.Done():
			}
		})
	})
}

// isLater reports whether a user was bound here after a place.
func (d *durable) isLater(user string, at directory.Stamp) bool {
	d.n.mu.Lock()
	defer d.n.mu.Unlock()
	b := d.n.users[user]
	return b != nil && (directory.Stamp{Time: b.time, Node: d.n.Name()}).Compare(at) > 0
}

func readYield(b []byte) (user string, at directory.Stamp, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n != 3 {
		return "", at, errMessage
	}
	text, b, err := codec.ReadText(b)
	if err != nil {
		return "", at, errMessage
	}
	user = string(text)
	if at.Time, b, err = codec.ReadUint(b); err != nil {
		return "", at, errMessage
	}
	if text, b, err = codec.ReadText(b); err != nil || len(b) > 0 {
		return "", at, errMessage
	}
	at.Node = string(text)
	return user, at, nil
}
