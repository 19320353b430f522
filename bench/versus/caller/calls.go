package caller

import (
	"context"
	"sync"
	"sync/atomic"
)

// Unary is a conn whose calls wait for their replies.
type Unary interface {
	// Call returns the reply to a payload. Several goroutines call it at a
	// time. It keeps the payload no longer than it runs; the reply is the
	// caller's.
	Call(payload []byte) (reply []byte, err error)

	// Close ends the calls under way. It may be called more than once.
	Close() error
}

// Calls puts load on conns that dial makes. As many goroutines make the calls
// of each as packets are to be under way on it. An error is one of the set-up;
// what goes wrong later is counted.
func Calls(ctx context.Context, cfg Config, dial func(context.Context) (Unary, error)) (Result, error) {
	return load(ctx, cfg, dial, func(r *round, c *count, conn Unary) worker {
		return func(due <-chan int64, again func(bool)) { r.calls(c, conn, due, again) }
	})
}

func (r *round) calls(c *count, conn Unary, due <-chan int64, again func(broken bool)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var seq atomic.Uint64
	for range r.cfg.callers() {
		wg.Go(func() {
			var b []byte
			for at := range due {
				n := seq.Add(1)
				b = r.payloads.append(b[:0], n, uint64(at))
				reply, err := conn.Call(b)
				broken := err != nil
				if !broken {
					err = r.payloads.check(reply, n, uint64(at))
				}
				c.took(at, r.now(), err)
				again(broken)
			}
		})
	}
}
