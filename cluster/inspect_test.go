package cluster

import (
	"testing"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// The console of a node shows the others.
func TestInspectTellsOfNodes(t *testing.T) {
	all := newNetwork(1).startAll(t, 3)
	all[1].user(t, "ann")
	all[1].user(t, "bob")
	all[0].user(t, "eve")
	i := inspect.New(all[0].srv, inspect.Config{Cluster: all[0].Inspect})
	var c *inspect.Cluster
	await.True(t, "users and times of the nodes", func() bool {
		totals, err := i.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c = totals.Cluster
		return len(c.Nodes) == 2 && c.Nodes[0].Users == 2 && c.Nodes[0].RTT > 0 && c.Nodes[1].RTT > 0
	})
	if c.Node != "n0" || c.Users != 1 {
		t.Errorf("this node is %+v", c)
	}
	for k, name := range []string{"n1", "n2"} {
		if n := c.Nodes[k]; n.Node != name || !n.Up || n.Age <= 0 {
			t.Errorf("a node is %+v", n)
		}
	}
	w := all[0].bus.(*plug).net
	w.setCut("n1", true)
	await.True(t, "bytes under way", func() bool {
		for range 10 {
			if conn := all[0].Node.Node("n1"); conn != nil {
				peer.Send(conn, noted, &note{})
			}
		}
		n := all[0].Inspect().Nodes
		return len(n) == 2 && n[0].UnderWay > 0
	})
	await.True(t, "end of the node", func() bool { return len(all[0].Inspect().Nodes) == 1 })
}
