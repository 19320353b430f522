package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// silent is a bus that brings nothing.
type silent struct{}

func (silent) start(context.Context, string) error                      { return nil }
func (silent) publish(string, []byte) error                             { return nil }
func (silent) subscribe(context.Context, func([]byte), ...string) error { return nil }
func (silent) close()                                                   {}

// BenchmarkStep is what a node does every 25 ms, with so many other nodes and nothing to send.
func BenchmarkStep(b *testing.B) {
	for _, others := range []int{9, 99} {
		b.Run(fmt.Sprintf("nodes=%d", others+1), func(b *testing.B) {
			v := engine.NewVirtual(nil)
			defer v.Close()
			n, err := newNode(peer.NewServer(registry.New(), &peer.Config{Reactor: v.Reactor()}), Config{Name: "self"}, time.Now)
			if err != nil {
				b.Fatal(err)
			}
			if err := n.begin(b.Context(), silent{}); err != nil {
				b.Fatal(err)
			}
			for i := range others {
				id := members.ID{Name: fmt.Sprint("n", i), Epoch: 1}
				n.members.Hello(members.Hello{From: id}, n.now()+time.Hour)
				n.to[id.Name] = &outgoing{id: id, making: true}
				n.add(newStream(n, streamID{id, 1, true}))
				n.add(newStream(n, streamID{id, 2, false}))
			}
			b.ReportAllocs()
			for b.Loop() {
				n.step()
			}
		})
	}
}
