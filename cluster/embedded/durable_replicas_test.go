package embedded

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

// Of three nodes with replicas one may go: what it had stored comes, and what is sent then too.
// Without a second one everything that wants the store says that there is none.
func TestDurableReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("a store of three servers takes some seconds")
	}
	leak.Check(t)
	var all []*testNode
	for i, own := range storeConfigs(t, 3) {
		all = append(all, startAs(t, fmt.Sprint("n", i), own, func(cfg *cluster.Config) {
			cfg.Durability = &cluster.Durability{Replicas: 3, Age: 4 * time.Second}
		}, true))
	}
	whole(t, all)
	for _, n := range all {
		ready(t, n)
	}
	u := cluster.Durable(cluster.User("u"))
	send := func(n *testNode, number int) {
		id := u.WithID(fmt.Sprint(number)) // so that it may be sent again
		await.True(t, "a store that takes a packet", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return cluster.SendDurable(ctx, n.Node, id, noted, &note{N: number}) == nil
		})
	}
	joinDurable(t, all[0].Room("r"), "u")
	for i := range 20 {
		send(all[0], i)
	}
	all[0].Leave()
	for i := 20; i < 40; i++ {
		send(all[1], i)
	}
	wantNotes(t, all[2].player("u"), 0, 39)
	all[2].Leave()
	await.True(t, "no store", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return errors.Is(cluster.SendDurable(ctx, all[1].Node, u, noted, &note{}), cluster.ErrNoStore)
	})
}
