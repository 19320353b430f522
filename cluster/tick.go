package cluster

// When a node's step is called: often while streams wait for something, seldom while all is at rest.

import (
	"slices"
	"sync/atomic"
	"time"
)

const (
	// tickEvery is how often a step is while there is something to wait for. A stream is that much
	// later with what it sends again. With less, nodes take more CPU.
	tickEvery = 25 * time.Millisecond

	// restingTicks is how many steps a lease has while there is nothing: a node that is gone is
	// noticed that part of a lease later. With more, nodes at rest take more CPU.
	restingTicks = 10
)

// ticker says when a step is due. The zero value ticks often, and is never hurried.
type ticker struct {
	resting atomic.Bool
	hurry   chan struct{} // has it tick often again; room for one
}

// hasten has the ticker tick often, because a stream waits for something. Any goroutine may call it.
func (t *ticker) hasten() {
	if t.resting.Load() && t.resting.CompareAndSwap(true, false) {
		select {
		case t.hurry <- struct{}{}:
		default:
		}
	}
}

// tick calls step again and again. It has a goroutine of its own: a handler that is slow must
// not keep the node from saying that it is there.
func (n *Node) tick() {
	defer n.ended.Done()
	t := time.NewTimer(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-n.done:
			return
		case <-n.ticker.hurry:
			t.Reset(tickEvery)
			continue
		case <-t.C:
		}
		n.step()
		if n.rest() {
			t.Reset(n.cfg.Lease / restingTicks)
		} else {
			t.Reset(tickEvery)
		}
	}
}

// rest has the ticker tick seldom, if nothing waits for the time. It reports whether it does.
func (n *Node) rest() bool {
	n.ticker.resting.Store(true) // first: a stream that waits for something from now on says so
	if n.isAtRest() {
		return true
	}
	n.ticker.resting.Store(false)
	return false
}

// isAtRest reports whether nothing waits for the time.
func (n *Node) isAtRest() bool {
	n.mu.Lock()
	busy := false
	for _, o := range n.to {
		busy = busy || o.conn == nil || o.telling
	}
	streams := n.streamsWith(func(*stream) bool { return true })
	n.mu.Unlock()
	return !busy && !slices.ContainsFunc(streams, (*stream).waits) // whose lock is not taken under mu
}
