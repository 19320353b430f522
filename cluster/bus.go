package cluster

// What carries messages between nodes.

import (
	"context"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster/internal/link"
)

// bus carries messages to all who have subscribed to a subject. It may lose, double and delay
// them. Any goroutine may use it.
type bus interface {
	// start connects the node of that name, before anything else.
	start(ctx context.Context, node string) error

	// publish sends b, which is the caller's again when it returns.
	publish(subject string, b []byte) error

	// subscribe has f called with each message, one after the other for each subject, and
	// returns when others' messages come.
	subscribe(ctx context.Context, f func(b []byte), subjects ...string) error

	// close ends the subscriptions, when what was published is on its way. It may be called
	// when start has failed.
	close()
}

// pendingBytes is how much of what NATS brings may wait in memory: more than all windows of
// some nodes together. What is beyond it is lost, found missing, and sent again.
const pendingBytes = 64 << 20

// natsBus is a connection to NATS.
type natsBus struct {
	conn   *nats.Conn
	server Server // nil: conn is the program's

	mu   sync.Mutex
	subs []*nats.Subscription // guarded by mu
}

func (b *natsBus) start(ctx context.Context, node string) (err error) {
	if b.server != nil {
		b.conn, err = b.server.Start(ctx, node)
	}
	return err
}

func (b *natsBus) publish(subject string, data []byte) error { return b.conn.Publish(subject, data) }

func (b *natsBus) subscribe(ctx context.Context, f func(b []byte), subjects ...string) error {
	for _, subject := range subjects {
		sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) { f(m.Data) })
		if err != nil {
			return err
		}
		sub.SetPendingLimits(-1, pendingBytes)
		b.mu.Lock()
		b.subs = append(b.subs, sub)
		b.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, link.Patience) // NATS wants some deadline
	defer cancel()
	return b.conn.FlushWithContext(ctx)
}

// unsubscribe ends the subscription to a subject.
func (b *natsBus) unsubscribe(subject string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = slices.DeleteFunc(b.subs, func(sub *nats.Subscription) bool {
		return sub.Subject == subject && sub.Unsubscribe() == nil
	})
}

func (b *natsBus) close() {
	if b.conn == nil {
		return // it was not started
	}
	b.conn.FlushTimeout(link.Patience)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, sub := range b.subs {
		sub.Unsubscribe()
	}
	if b.server != nil {
		b.server.Stop()
	}
}
