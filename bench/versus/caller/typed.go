package caller

// Loads of calls that carry a struct, which both sides encode and decode.

import (
	"bytes"
	"context"
)

// Value is the body of a typed call: the fields of a payload, with a body of the
// same length. How many bytes they take is up to how a library encodes them; with
// msgpack it is Config.Size at most.
type Value struct {
	Seq  uint64 `msgpack:"seq"`
	TS   uint64 `msgpack:"ts"`
	Body []byte `msgpack:"body"`
}

// Reset implements peer.Resetter: the body keeps its memory.
func (v *Value) Reset() { *v = Value{Body: v.Body[:0]} }

// Typed is a conn whose calls carry values.
type Typed interface {
	// Call asks and sets the answer, which is empty but may have memory for its
	// body. Several goroutines call it at a time. It keeps neither longer than it
	// runs, and does not change what is asked.
	Call(ask, answer *Value) error

	// Close ends the calls under way. It may be called more than once.
	Close() error
}

// TypedCalls is Calls for values.
func TypedCalls(ctx context.Context, cfg Config, dial func(context.Context) (Typed, error)) (Result, error) {
	return load(ctx, cfg, dial, func(r *round, c *count, conn Typed) worker {
		return func(due <-chan int64, again func(bool)) {
			r.calls(c, due, again, func() oneCall {
				var ask, answer Value
				return func(seq, at uint64) (failed, wrong error) {
					ask = Value{seq, at, r.payloads.body(seq)}
					answer.Reset()
					if err := conn.Call(&ask, &answer); err != nil {
						return err, nil
					}
					return nil, answer.check(&ask)
				}
			})
		}
	})
}

// check compares an answer with what was asked.
func (v *Value) check(ask *Value) error {
	if v.Seq != ask.Seq || v.TS != ask.TS || !bytes.Equal(v.Body, ask.Body) {
		return errReply
	}
	return nil
}
