package cluster

// durable: what a node does for durable packets.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// openEvery is how long is waited until the store is looked for again.
	openEvery = 250 * time.Millisecond

	// liveQueue is how many stored packets may be on their way from NATS to the loop. What is
	// beyond it is read from the store.
	liveQueue = 8192
)

// durable is the part of a node that keeps packets for users. Its methods may be called with nil,
// where they do nothing.
type durable struct {
	// Set once.
	n      *Node
	cfg    Durability
	ready  chan struct{} // closed when the store was there
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{} // taken by requests to the store
	live   chan *nats.Msg

	// Set by start.
	nc    *nats.Conn
	js    jetstream.JetStream
	yield *nats.Subscription

	// Set before ready is closed.
	packets, members jetstream.Stream

	mu sync.Mutex

	// Guarded by mu.
	stopped   bool
	err       error // why there is no store; nil: there is
	publishes map[*nats.Msg]func(doubled bool, err error)
	sent      map[string]int64 // by room, packets since it was trimmed
	trims     map[string]bool  // rooms that are being trimmed
	stats     DurableStats

	store atomic.Int64 // when the stream of packets was made

	// Of sweep alone.
	membersMade time.Time // when the stream of members was made
	memberSeq   uint64    // number of the last record that was read of it

	// Of the server's first loop.
	boxes map[string]*mailbox // by user
	feeds map[string][]*feed  // by the subject on which they hear what is stored
	subs  map[string]*nats.Subscription

	created time.Time // when the stream of packets was made, as far as feeds know
	lostFor time.Time // which of them the program knows to be made after a loss
}

func newDurable(n *Node, cfg Durability) *durable {
	set := func(v *int64, to int64) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&cfg.Packets, DefaultDurablePackets)
	set(&cfg.Bytes, DefaultDurableBytes)
	set((*int64)(&cfg.Age), int64(DefaultDurableAge))
	set((*int64)(&cfg.Dedup), int64(min(DefaultDurableDedup, cfg.Age)))
	cfg.Dedup = min(cfg.Dedup, cfg.Age)
	if cfg.UnderWay <= 0 {
		cfg.UnderWay = DefaultDurableUnderWay
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	d := &durable{
		n: n, cfg: cfg, ready: make(chan struct{}), slots: make(chan struct{}, readers), live: make(chan *nats.Msg, liveQueue),
		err: fmt.Errorf("%w yet", ErrNoStore), publishes: make(map[*nats.Msg]func(bool, error)),
		sent: make(map[string]int64), trims: make(map[string]bool),
		boxes: make(map[string]*mailbox), feeds: make(map[string][]*feed), subs: make(map[string]*nats.Subscription),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// start has the store looked for, over a connection that is there.
func (d *durable) start(nc *nats.Conn) error {
	var err error
	d.nc = nc
	d.js, err = jetstream.New(nc, jetstream.WithPublishAsyncTimeout(storeTimeout), jetstream.WithPublishAsyncMaxPending(2*d.cfg.UnderWay),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, a *jetstream.PubAck) { d.published(m, a.Duplicate, nil) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { d.published(m, false, storeError(err)) }))
	if err != nil {
		return err
	}
	if d.yield, err = nc.Subscribe(d.subject("yield", d.n.Name()), d.yields); err != nil {
		return err
	}
	d.spawn(d.open)
	d.spawn(d.hear)
	return nil
}

// stop ends everything. What is being stored is told as uncertain.
func (d *durable) stop() {
	if d == nil {
		return
	}
	d.cancel()
	d.mu.Lock()
	d.stopped, d.err = true, d.n.Err()
	under := d.publishes
	d.publishes = make(map[*nats.Msg]func(bool, error))
	d.mu.Unlock()
	for _, done := range under {
		done(false, fmt.Errorf("%w: %w", ErrUncertain, ErrLeft))
	}
	if d.js != nil {
		d.js.CleanupPublisher()
	}
	if d.yield != nil {
		d.yield.Unsubscribe()
	}
	end := func() {
		for _, sub := range d.subs {
			sub.Unsubscribe()
		}
	}
	if d.n.srv.Reactor().Post(end) != nil { // there are no loops any more
		end()
	}
}

// open looks for the store until it is there, and looks again and again what waits in it.
func (d *durable) open() {
	for {
		err := d.streams(d.ctx)
		if err == nil {
			break
		}
		d.setError(fmt.Errorf("%w: %w", ErrNoStore, err))
		if !d.pause(openEvery) {
			return
		}
	}
	d.setError(nil)
	created, members := d.packets.CachedInfo().Created, d.members.CachedInfo()
	d.store.Store(created.UnixNano())
	d.membersMade, d.memberSeq = members.Created, members.State.LastSeq // mailboxes read what is before
	d.n.call(func() { d.created = created })                            // before any mailbox begins
	close(d.ready)
	d.n.call(func() {
		for _, b := range d.boxes {
			b.begin("")
		}
	})
	d.sweep()
}

// pause waits. It returns false when the node has left.
func (d *durable) pause(by time.Duration) bool {
	select {
	case <-time.After(by):
		return true
	case <-d.ctx.Done():
		return false
	}
}

func (d *durable) setError(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() == nil {
		d.err = err
	}
}

// isReady reports whether the store was there.
func (d *durable) isReady() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

// whyNot is why there is no store.
func (d *durable) whyNot() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// count changes the counts.
func (d *durable) count(f func(s *DurableStats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.stats)
}

func (d *durable) counts() (s DurableStats) {
	if d != nil {
		d.count(func(of *DurableStats) { s = *of })
	}
	return s
}

// outcome counts what has become of a packet of this node.
func (d *durable) outcome(t DurableTarget, doubled bool, err error) {
	d.count(func(s *DurableStats) {
		switch {
		case err != nil:
			s.Refused++
		case doubled:
			s.Doubled++
		default:
			s.Stored++
		}
	})
	if t.room != "" && !doubled {
		d.mayTrim(t.room, err == ErrManyWait)
	}
}

// mayTrim has a room's packets trimmed when it is full, or this node has stored a quarter of what
// may be there.
func (d *durable) mayTrim(room string, full bool) {
	d.mu.Lock()
	if len(d.sent) > maxSent {
		clear(d.sent)
	}
	d.sent[room]++
	due := (full || d.sent[room] >= max(d.cfg.Packets/4, 1)) && !d.trims[room]
	if due {
		d.trims[room] = true
		delete(d.sent, room)
	}
	d.mu.Unlock()
	if !due {
		return
	}
	d.spawn(func() {
		if err := d.trim(d.ctx, room); err != nil {
			d.n.cfg.Logger.Debug("room was not trimmed", "room", room, "err", err)
		}
		d.mu.Lock()
		delete(d.trims, room)
		d.mu.Unlock()
	})
}

// maxSent bounds the rooms whose packets are counted.
const maxSent = 10_000

// drop tells of a packet that will not reach its user. On the first loop.
func (d *durable) drop(of Delivery, reason error) {
	d.count(func(s *DurableStats) { s.Dropped++ })
	d.n.cfg.Logger.Debug("durable packet was dropped", "user", of.User, "room", of.Room, "packet", of.Packet, "seq", of.Seq, "err", reason)
	if d.cfg.OnDropped != nil {
		d.cfg.OnDropped(of, reason)
	}
}

// tellLost tells that the store has lost its packets, once for each time that it was made anew. On the
// first loop.
func (d *durable) tellLost() {
	if !d.lostFor.Equal(d.created) {
		d.lostFor = d.created
		d.lost(StorePackets)
	}
}

// lost tells that a part of the store was made anew. On the first loop.
func (d *durable) lost(part StorePart) {
	d.count(func(s *DurableStats) { s.Lost++ })
	d.n.cfg.Logger.Error("store of durable packets was lost, and made anew", "part", part)
	if d.cfg.OnLost != nil {
		d.cfg.OnLost(part)
	}
}

// hear takes what is stored for users at this node to the loop.
func (d *durable) hear() {
	for {
		select {
		case m := <-d.live:
			if err := d.heard(m); err != nil {
				d.n.malformed(len(m.Data), err)
			}
		case <-d.ctx.Done():
			return
		}
	}
}

// heard takes in what is stored for a user at this node, or that he has joined or left a room.
func (d *durable) heard(m *nats.Msg) error {
	if strings.HasPrefix(m.Subject, d.subject("enrolled")+".") {
		user, ok := lastName(m.Subject)
		of, err := readEnrolled(m.Data)
		if err != nil || !ok {
			return errMessage
		}
		d.n.call(func() {
			if b := d.boxes[user]; b != nil && b.begun && !b.over {
				b.enrolled(&of)
			}
		})
		return nil
	}
	s, err := messageOf(m)
	if err != nil {
		return err
	}
	d.n.call(func() {
		for _, f := range slices.Clone(d.feeds[m.Subject]) {
			f.hear(&s)
		}
	})
	return nil
}

// spawn has f called on a goroutine of its own, which Leave waits for. It does nothing when the
// node has left.
func (d *durable) spawn(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	d.n.ended.Add(1)
	go func() {
		defer d.n.ended.Done()
		f()
	}()
}

// request has f called on a goroutine of its own, when there is a slot for a request to the
// store, and then done on the first loop, unless the node has left by then.
func (d *durable) request(f func(ctx context.Context) error, done func(err error)) {
	d.spawn(func() {
		select {
		case d.slots <- struct{}{}:
		case <-d.ctx.Done():
			return
		}
		err := f(d.ctx)
		<-d.slots
		if !errors.Is(err, context.Canceled) || d.ctx.Err() == nil {
			d.n.call(func() { done(err) })
		}
	})
}
