package trial

// A rolling restart: all nodes are replaced, one after the other.

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/cluster"
)

// replaced is a node that has taken another one's place.
type replaced struct {
	at      int // its place
	node    *runNode
	drained cluster.Drained // what became of the other one's sessions
	err     error
}

// replace begins to replace the node at a place. The result comes on r.replaced.
func (r *trialRun) replace(ctx context.Context, at int) {
	old := r.nodes[at]
	old.isLeaving, r.replacing = true, true
	var others []*runNode
	for _, n := range r.nodes {
		if n != old {
			others = append(others, n)
		}
	}
	go func() {
		res := replaced{at: at}
		res.node, res.drained, res.err = r.replacement(ctx, old, others)
		r.replaced <- res
	}()
}

// replacement empties a node, ends its process, starts another one in its place, and waits until
// that has had conns to the others for a lease.
func (r *trialRun) replacement(ctx context.Context, old *runNode, others []*runNode) (*runNode, cluster.Drained, error) {
	drained, err := old.Drain(ctx)
	if err != nil {
		return nil, drained, err
	}
	if err := old.Stop(); err != nil {
		return nil, drained, err
	}
	n, err := r.startNode(old.cfg)
	if err != nil {
		return nil, drained, err
	}
	err = r.until(ctx, patience, func() bool {
		for _, other := range others {
			if !other.HasNode(n.Name()) || !n.HasNode(other.Name()) {
				return false
			}
		}
		return true
	})
	if err == nil {
		err = n.StoreReady(ctx)
	}
	if err == nil {
		err = r.pause(ctx, r.lease)
	}
	return n, drained, err
}

func (r *trialRun) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take has a node take its place, and begins to replace the next one.
func (r *trialRun) take(ctx context.Context, res replaced) error {
	r.replacing = false
	if res.node != nil {
		r.nodes[res.at] = res.node
	}
	r.drained.Moved += res.drained.Moved
	r.drained.Left += res.drained.Left
	if res.err != nil {
		return fmt.Errorf("replacing %s: %w", r.nodes[res.at].Name(), res.err)
	}
	r.restarted++
	if r.restarted < nodeCount {
		r.replace(ctx, r.restarted)
	}
	return nil
}
