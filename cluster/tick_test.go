package cluster

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// Nodes between which nothing is said tick seldom, and often again for what waits to be acknowledged.
func TestNodesAtRestTickSeldom(t *testing.T) {
	w := newNetwork(1)
	a, b := w.start(t, "a"), w.start(t, "b")
	await.True(t, "conns", func() bool { return len(a.Nodes()) == 1 && len(b.Nodes()) == 1 })
	await.True(t, "rest", func() bool { return a.ticker.resting.Load() && b.ticker.resting.Load() })
	w.setCut("b", true)
	if err := peer.Send(a.Node.Node("b"), noted, &note{N: 1}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "haste", func() bool { return !a.ticker.resting.Load() })
	w.setCut("b", false)
	await.True(t, "rest when it is acknowledged", func() bool { return a.ticker.resting.Load() })
}
