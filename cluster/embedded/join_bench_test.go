package embedded

// How long a node that comes needs to know all users and members that there are.

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// crowd connects so many clients in memory, binds each as a user, and has it join a room.
func (n *testNode) crowd(users int) {
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	cli := peer.NewClient(reg, &peer.Config{Reactor: n.srv.Reactor()})
	n.t.Cleanup(func() { cli.Close() })
	for i := range users {
		near, far := memconn.Pair(n.srv.Reactor().Buffers(), n.srv.Reactor().Buffers())
		c, err := n.srv.Attach(far, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		if _, err := cli.Attach(n.t.Context(), near, nil); err != nil {
			n.t.Fatal(err)
		}
		if err := n.Bind(c, fmt.Sprintf("user-%06d", i)); err != nil {
			n.t.Fatal(err)
		}
		if err := n.Room("guild").Join(c); err != nil {
			n.t.Fatal(err)
		}
	}
}

// BenchmarkJoin is a node with an embedded server that joins one with 10,000 users in a room:
// from the call of Join until it knows all of them, and from the moment that there is a conn.
func BenchmarkJoin(b *testing.B) {
	const users = 10_000
	first := nodes(b, 1)[0]
	first.crowd(users)
	await.True(b, "room", func() bool { return len(first.Presence("guild").Members()) == users })
	var whole, conn time.Duration
	for i := range b.N {
		began := time.Now()
		late := start(b, fmt.Sprint("late", i), first, nil)
		await.True(b, "conn", func() bool { return len(first.Nodes()) == 1 })
		met := time.Now()
		await.True(b, "all users", func() bool {
			return late.Where(fmt.Sprintf("user-%06d", users-1)) == "n0" && late.Where("user-000000") == "n0" && len(late.Presence("guild").Members()) == users
		})
		whole += time.Since(began)
		conn += time.Since(met)
		late.Leave()
		await.True(b, "end", func() bool { return len(first.Nodes()) == 0 })
	}
	b.ReportMetric(float64(whole.Milliseconds())/float64(b.N), "ms/join")
	b.ReportMetric(float64(conn.Milliseconds())/float64(b.N), "ms/picture")
}
