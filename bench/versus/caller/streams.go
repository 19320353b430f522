package caller

// Loads on conns whose replies come in the order of their packets.

import (
	"context"
	"sync"
)

// Stream is a conn on which replies come in the order of their packets.
type Stream interface {
	// Send sends a payload, which it keeps no longer than it runs. One
	// goroutine calls it, and another one Recv.
	Send(payload []byte) error

	// Recv returns the next reply, which is the caller's until it calls again.
	Recv() ([]byte, error)

	// Close ends calls under way. It may be called more than once.
	Close() error
}

// Streams is Calls for conns that are streams.
func Streams(ctx context.Context, cfg Config, dial func(context.Context) (Stream, error)) (Result, error) {
	return load(ctx, cfg, dial, func(r *round, c *count, conn Stream) worker {
		return func(due <-chan int64, again func(bool)) { r.stream(c, conn, due, again) }
	})
}

// flight is a packet under way.
type flight struct {
	seq uint64
	at  int64
}

// stream sends on one goroutine and receives on another: one alone could block
// in Send while the server waits for it to receive.
func (r *round) stream(c *count, conn Stream, due <-chan int64, again func(broken bool)) {
	flights := make(chan flight, cap(due))
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { r.send(conn, due, flights) })
	r.recv(c, conn, flights, again)
}

func (r *round) send(conn Stream, due <-chan int64, flights chan<- flight) {
	defer close(flights)
	var seq uint64
	var b []byte
	for at := range due {
		seq++
		b = r.payloads.append(b[:0], seq, uint64(at))
		flights <- flight{seq, at} // first: the reply may be faster
		conn.Send(b)               // where it fails, so does Recv
	}
}

func (r *round) recv(c *count, conn Stream, flights <-chan flight, again func(broken bool)) {
	var broken error
	for f := range flights {
		var reply []byte
		if broken == nil {
			reply, broken = conn.Recv()
		}
		wrong := broken
		if wrong == nil {
			wrong = r.payloads.check(reply, f.seq, uint64(f.at))
		}
		c.took(f.at, r.now(), wrong)
		again(broken != nil)
	}
}
