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

// Calls puts load on Config.Conns conns that dial makes. Depth goroutines make
// the calls of each. An error is one of the set-up; what goes wrong later is
// counted.
func Calls(ctx context.Context, cfg Config, dial func(context.Context) (Unary, error)) (Result, error) {
	return load(ctx, cfg, dial, func(r *round, c *count, conn Unary) worker {
		return func(due <-chan int64) { r.calls(c, conn, due) }
	})
}

func (r *round) calls(c *count, conn Unary, due <-chan int64) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var seq atomic.Uint64
	for range r.cfg.Depth {
		wg.Go(func() {
			var b []byte
			call := func(at int64) error {
				n := seq.Add(1)
				b = r.payloads.append(b[:0], n, uint64(at))
				reply, err := conn.Call(b)
				wrong := err
				if err == nil {
					wrong = r.payloads.check(reply, n, uint64(at))
				}
				c.took(at, r.now(), wrong)
				return err
			}
			if due != nil {
				for at := range due {
					call(at) // what fails is counted
				}
				return
			}
			for !r.ending.Load() {
				if call(r.now()) != nil {
					return // the conn is no good any more
				}
			}
		})
	}
}
