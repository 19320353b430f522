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
		return func(due <-chan int64, again func(bool)) {
			r.calls(c, due, again, func() oneCall {
				var b []byte
				return func(seq, at uint64) (failed, wrong error) {
					b = r.payloads.append(b[:0], seq, at)
					reply, err := conn.Call(b)
					if err != nil {
						return err, nil
					}
					return nil, r.payloads.check(reply, seq, at)
				}
			})
		}
	})
}

// oneCall makes a call. It failed if there was no answer, after which the conn is
// broken; the answer may be wrong too.
type oneCall func(seq, at uint64) (failed, wrong error)

// calls makes those that are due on one conn, on as many goroutines as are needed,
// each with a function of its own that newCall makes.
func (r *round) calls(c *count, due <-chan int64, again func(broken bool), newCall func() oneCall) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var seq atomic.Uint64
	for range r.cfg.callers() {
		wg.Go(func() {
			call := newCall()
			for at := range due {
				failed, wrong := call(seq.Add(1), uint64(at))
				if wrong == nil {
					wrong = failed
				}
				c.took(at, r.now(), wrong)
				again(failed != nil)
			}
		})
	}
}
