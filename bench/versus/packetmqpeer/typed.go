package packetmqpeer

// A packet and its reply, told apart by a number in both.

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echo"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The packets, with the ids that a server insists on.
var (
	ask   = registry.Define[caller.Value]("bench:echo", echo.RequestID)
	reply = registry.Define[caller.Value]("bench:reply", echo.ReplyID, registry.Reuse())
)

// CallTyped puts a load on a server that answers each bench:echo with a bench:reply.
func CallTyped(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	cli, err := newClient(peer.Events{OnLost: func(c *peer.Conn, reason error) {
		if t, ok := c.Data().(*typedConn); ok {
			t.lost(reason)
		}
	}}, ask, reply)
	if err != nil {
		return caller.Result{}, err
	}
	defer cli.Close()
	peer.Handle(cli, reply, func(c *peer.Conn, v *caller.Value) error {
		c.Data().(*typedConn).answered(v)
		return nil
	})
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		c, err := cli.Connect(ctx, cfg.Addr)
		if err != nil {
			return nil, err
		}
		t := newTypedConn(c, func(v *caller.Value) error { return peer.Send(c, ask, v) })
		c.SetData(t)
		return t, nil
	})
}

// typedConn is a conn and who waits for an answer on it. It implements caller.Typed.
type typedConn struct {
	io.Closer
	send    func(v *caller.Value) error
	mu      sync.Mutex
	waiting map[uint64]*wait // by seq; nil once the conn is lost
	unused  sync.Pool        // of *wait, so that a call allocates neither it nor its channel
}

func newTypedConn(c io.Closer, send func(v *caller.Value) error) *typedConn {
	return &typedConn{Closer: c, send: send, waiting: make(map[uint64]*wait)}
}

// wait is one call under way.
type wait struct {
	answer *caller.Value
	done   chan error // has room for one
}

var errLost = errors.New("packetmqpeer: the conn is lost")

func (t *typedConn) Call(v, answer *caller.Value) error {
	w, ok := t.unused.Get().(*wait)
	if !ok {
		w = &wait{done: make(chan error, 1)}
	}
	defer t.unused.Put(w)
	w.answer = answer
	if !t.add(v.Seq, w) {
		return errLost
	}
	if err := t.send(v); err != nil && t.take(v.Seq) != nil {
		return err
	}
	return <-w.done
}

func (t *typedConn) add(seq uint64, w *wait) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		return false
	}
	t.waiting[seq] = w
	return true
}

// take returns who waits for an answer, who is then not in the map any more. It is nil
// if nobody does.
func (t *typedConn) take(seq uint64) *wait {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.waiting[seq]
	delete(t.waiting, seq)
	return w
}

func (t *typedConn) answered(v *caller.Value) {
	w := t.take(v.Seq)
	if w == nil {
		return
	}
	w.answer.Seq, w.answer.TS = v.Seq, v.TS
	w.answer.Body = append(w.answer.Body, v.Body...)
	w.done <- nil
}

func (t *typedConn) lost(reason error) {
	t.mu.Lock()
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, w := range waiting {
		w.done <- reason
	}
}
