package cluster

// Bucket: copies in a bucket of JetStream.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DefaultCopyAge is Bucket.Age if that is 0.
const DefaultCopyAge = time.Hour

// Bucket keeps copies of sessions in a bucket of JetStream, by the connection of the node that it
// is given to, one node for each Bucket. It is made when it is used first; until there is
// JetStream, no copies are kept, and nothing is acknowledged to clients: see Node.CopiesReady.
//
// A copy is one message, which the NATS server's limit has to allow: 1 MiB as a rule.
type Bucket struct {
	// Name is the bucket's. Letters, digits, - and _. Default: "packetmq-sessions".
	Name string

	// Replicas is at how many servers of the store a copy lies before the client is told: 1, or 3
	// so that one of them may be gone, or 5. Default: 1.
	Replicas int

	// Age is after how long a copy is dropped that is not renewed: longer than sessions wait for
	// their clients. Default: 1 hour.
	Age time.Duration

	// Memory has copies lie in memory instead of files.
	Memory bool

	mu sync.Mutex

	// Guarded by mu.
	nc *nats.Conn
	kv jetstream.KeyValue // nil: not made yet
}

var _ Copies = (*Bucket)(nil)

// use has the bucket use a connection.
func (b *Bucket) use(nc *nats.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nc, b.kv = nc, nil
}

// bucket makes the bucket, unless it was made.
func (b *Bucket) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kv != nil {
		return b.kv, nil
	}
	if b.nc == nil {
		return nil, fmt.Errorf("%w: no connection to NATS", ErrNoStore)
	}
	js, err := jetstream.New(b.nc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	cfg := jetstream.KeyValueConfig{Bucket: "packetmq-sessions", Replicas: max(b.Replicas, 1), TTL: DefaultCopyAge, History: 1}
	if b.Name != "" {
		cfg.Bucket = b.Name
	}
	if b.Age > 0 {
		cfg.TTL = b.Age
	}
	if b.Memory {
		cfg.Storage = jetstream.MemoryStorage
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	b.kv = kv
	return kv, nil
}

// Ready waits until the bucket is there. If ctx ends before, it is ErrNoStore with the reason.
func (b *Bucket) Ready(ctx context.Context) error {
	for {
		err := b.ready(ctx)
		if err == nil {
			return nil
		}
		if pause(ctx, openEvery); ctx.Err() != nil {
			return err
		}
	}
}

// ready makes the bucket, if the store does that in time.
func (b *Bucket) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := b.bucket(ctx)
	return err
}

// Put implements Copies.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	kv, err := b.bucket(ctx)
	if err != nil {
		return 0, err
	}
	var next uint64
	if revision == 0 {
		next, err = kv.Create(ctx, key, value)
	} else {
		next, err = kv.Update(ctx, key, value, revision)
	}
	return next, revisionError(err)
}

// Get implements Copies.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	kv, err := b.bucket(ctx)
	if err != nil {
		return nil, 0, err
	}
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

// Delete implements Copies.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) error {
	kv, err := b.bucket(ctx)
	if err != nil {
		return err
	}
	return revisionError(kv.Delete(ctx, key, jetstream.LastRevision(revision)))
}

// revisionError is ErrRevision for what JetStream says of another revision.
func revisionError(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("%w: %w", ErrRevision, err)
	}
	return err
}
