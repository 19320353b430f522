package caller

// Conversations that outlive their conns, which are all cut at once.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Lasting is a conversation that outlives its conn.
type Lasting interface {
	// Send sends a number, which comes back.
	Send(seq uint64) error

	// Cut ends the conn as a network does, without a word.
	Cut()
}

// cutPatience is how long the last conversation may take to be back.
const cutPatience = time.Minute

// Of the numbers that a conversation sends in a round, the first half is sent before the cut and
// is not answered yet, the rest after it.
const cutNumbers = 4

// Cut has Config.Conns conversations, and cuts all their conns at once while numbers are under way
// both ways. A packet of the result is an answer, and its latency the time from the cut on. Each
// number must come back once and in order: what does not is an error. Seconds is the time until
// the last conversation has all of its answers.
//
// dial makes a conversation: answered is to be called with each number that comes back, and
// ended if it ends.
func Cut(ctx context.Context, cfg Config, dial func(ctx context.Context, answered func(seq uint64), ended func(error)) (Lasting, error)) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	x := &cutting{cfg: &cfg}
	x.begin()
	all, err := dialAll(ctx, cfg.Conns, func(ctx context.Context) (*cutOne, error) {
		o := &cutOne{x: x}
		var err error
		o.Lasting, err = dial(ctx, o.answered, o.ended)
		return o, err
	})
	if err != nil {
		return Result{}, err
	}
	x.expect(len(all))
	x.send(all, 1) // so that all is warm
	if err := x.wait(ctx, len(all)); err != nil {
		return Result{}, err
	}
	if cfg.Ready != nil {
		if err := cfg.Ready(); err != nil {
			return Result{}, err
		}
	}
	res, err := x.cut(ctx, all)
	if err == nil && cfg.Done != nil {
		err = cfg.Done(&res)
	}
	return res, err
}

// cutting is one load.
type cutting struct {
	cfg *Config

	mu    sync.Mutex
	round *round        // guarded by mu
	left  int           // answers that have not come; guarded by mu
	done  chan struct{} // closed when none is left; guarded by mu
}

// cutOne is one conversation.
type cutOne struct {
	Lasting
	x         *cutting
	sent, got uint64 // got is guarded by the mu of x
}

func (o *cutOne) Close() error { return nil } // all end with their client

func (x *cutting) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.round, x.done = newRound(x.cfg, nil), make(chan struct{})
	x.round.began = time.Now()
}

// expect says how many answers are to come.
func (x *cutting) expect(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left = n
}

func (x *cutting) send(all []*cutOne, numbers int) {
	for _, o := range all {
		for range numbers {
			o.sent++
			if err := o.Send(o.sent); err != nil {
				x.fault(fmt.Errorf("send: %w", err))
			}
		}
	}
}

// cut is the round that counts.
func (x *cutting) cut(ctx context.Context, all []*cutOne) (Result, error) {
	x.begin()
	x.expect(cutNumbers * len(all))
	before, err := x.cfg.clocks()
	if err != nil {
		return Result{}, err
	}
	for _, o := range all {
		x.send([]*cutOne{o}, cutNumbers/2)
		o.Cut()
	}
	x.send(all, cutNumbers/2)
	err = x.wait(ctx, len(all))
	after, lost := x.cfg.clocks()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.round.result(before, after), errors.Join(err, lost)
}

// wait waits for the answers.
func (x *cutting) wait(ctx context.Context, conns int) error {
	x.mu.Lock()
	done := x.done
	x.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(cutPatience):
		x.mu.Lock()
		defer x.mu.Unlock()
		return fmt.Errorf("caller: %d answers to %d conversations are lost", x.left, conns)
	}
}

// answered takes a number that has come back.
func (o *cutOne) answered(seq uint64) {
	x := o.x
	x.mu.Lock()
	defer x.mu.Unlock()
	c, now := &x.round.counts[0], x.round.now()
	var err error
	if o.got++; seq != o.got {
		err = fmt.Errorf("caller: %d came where %d was to come", seq, o.got)
	}
	c.took(0, now, err)
	if x.left--; x.left == 0 {
		close(x.done)
	}
}

// ended takes the end of a conversation, which is too early while answers are to come.
func (o *cutOne) ended(reason error) {
	o.x.mu.Lock()
	early := o.x.left > 0
	o.x.mu.Unlock()
	if early {
		o.x.fault(fmt.Errorf("caller: a conversation has ended: %w", reason))
	}
}

func (x *cutting) fault(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.round.counts[0].took(0, 0, err)
}
