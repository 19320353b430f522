package embedded

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

// A client whose session goes to another node has each durable packet once, those among them that
// lay in the session unacknowledged, and those that were stored while it was on its way.
func TestDurableTravels(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{})
	joinDurable(t, a.Room("r"), "u")
	p := a.player("u")
	u, r := cluster.Durable(cluster.User("u")), cluster.Durable(a.Room("r"))
	sent := 0
	send := func(n *testNode, to cluster.DurableTarget, count int) {
		for range count {
			sendDurable(t, n, to, sent)
			sent++
		}
	}
	send(a, u, 5)
	wantNotes(t, p, 0, 4)
	nodes := []*testNode{b, a, b}
	for i, next := range nodes {
		to := []cluster.DurableTarget{r, u}[i%2]
		p.Session.Conn().Abort(errors.New("cut by the test"))
		await.True(t, "the session is away", func() bool { return p.at.Away() })
		delivered := func() uint64 { return a.Stats().Durable.Delivered + b.Stats().Durable.Delivered }
		before := delivered()
		send(b, to, 10)
		await.True(t, "packets in the session", func() bool { return delivered() == before+10 })
		c, err := p.cli.Connect(t.Context(), next.addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Session.Carry(c); err != nil {
			t.Fatal(err)
		}
		send(a, to, 10)
		await.True(t, "the session at its new node", func() bool {
			for s := range next.sessions.All() {
				if s.ID() == p.Session.ID() && !s.Away() {
					p.at = s
					return true
				}
			}
			return false
		})
		wantNotes(t, p, sent-20, sent-1)
	}
	purged := func() bool {
		info, err := js(t, s).Stream(t.Context(), "packetmq-packets")
		if err != nil {
			return false
		}
		state, err := info.Info(t.Context(), jetstream.WithSubjectFilter("packetmq.durable.user.*"))
		return err == nil && len(state.State.Subjects) == 0
	}
	await.True(t, "nothing waits for the user any more", purged)
	send(b, u, 1)
	wantNotes(t, p, sent-1, sent-1)
	await.True(t, "count of each packet once", func() bool {
		return a.Stats().Durable.Delivered+b.Stats().Durable.Delivered == uint64(sent)
	})
}

// losesStore starts two nodes and a user's client at b, which has been sent notes 0 to 4, and then
// has the store lose everything.
func losesStore(t *testing.T) (a, b *testNode, p *player, u cluster.DurableTarget) {
	t.Helper()
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{Age: 8 * time.Second, Memory: true})
	p = b.player("u")
	u = cluster.Durable(cluster.User("u"))
	for i := range 5 {
		sendDurable(t, a, u, i)
	}
	wantNotes(t, p, 0, 4)
	empty(t, s)
	for _, name := range []string{"packetmq-packets", "packetmq-members"} {
		if err := js(t, s).DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return a, b, p, u
}

// A store that has lost everything is made anew, and what is stored then comes.
func TestDurableStoreIsLost(t *testing.T) {
	a, _, p, u := losesStore(t)
	await.True(t, "a store", func() bool { // which a node may have made by now
		err := cluster.SendDurable(t.Context(), a.Node, u, noted, &note{N: 5})
		if err != nil && !errors.Is(err, cluster.ErrNoStore) {
			t.Errorf("without streams: %v", err)
		}
		return err == nil
	})
	wantNotes(t, p, 5, 5)
}

// How far a session had the packets of a store that is lost says nothing of the one that is made
// after it, also at the node where the session goes meanwhile.
func TestDurableTravelsToANewStore(t *testing.T) {
	a, b, p, u := losesStore(t)
	p.Session.Conn().Abort(errors.New("cut by the test"))
	await.True(t, "the session is away", p.at.Away)
	await.True(t, "a new store", func() bool {
		return cluster.SendDurable(t.Context(), b.Node, cluster.Durable(cluster.User("away")).WithID("1"), noted, &note{}) == nil
	})
	await.True(t, "word of it at the other node", func() bool { return a.Stats().Durable.Waiting == 1 })
	c, err := p.cli.Connect(t.Context(), a.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Session.Carry(c); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the session at its new node", func() bool { return a.Where("u") == "a" })
	await.True(t, "the new store at its new node", func() bool {
		err := cluster.SendDurable(t.Context(), a.Node, u, noted, &note{N: 5})
		if err != nil && !errors.Is(err, cluster.ErrNoStore) {
			t.Errorf("to the new store: %v", err)
		}
		return err == nil
	})
	wantNotes(t, p, 5, 5)
}
