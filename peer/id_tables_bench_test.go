package peer

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// BenchmarkPubIDs is what a side does with the pubids of another one that has 1,000 packets:
// the first such side, and one that tells what another has told before.
func BenchmarkPubIDs(b *testing.B) {
	ours, theirs := registry.NewAdapting(), registry.New()
	for i := range 1000 {
		name := fmt.Sprint("bench:a packet with number ", i)
		for shift, reg := range []*registry.Registry{ours, theirs} {
			if _, err := reg.AddObject(name, 100+i+1000*shift, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	server, client := NewServer(theirs, nil), NewClient(ours, nil)
	defer server.Close()
	defer client.Close()
	payload := server.ownPubIDs(theirs.Table()).payload
	for _, name := range []string{"first", "told before"} {
		b.Run(name, func(b *testing.B) {
			c := &Conn{peer: client.Peer}
			for b.Loop() {
				if name == "first" {
					client.ids = sharedIDs{}
				}
				c.ids.Store(client.ownPubIDs(ours.Table()).tables(0, true))
				m, err := parsePubIDs(payload, false)
				if err == nil {
					err = c.meet(&m, true)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
