package peer_test

import (
	"sync"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A trace sees both ways of its conn, as they are on the wire, and nothing once it is stopped.
func TestTraceSeesThePacketsOfAConn(t *testing.T) {
	got := make(chan string, 1)
	peertest.Everywhere(t, countedSide, func(w *peertest.World) {
		peer.Handle(w.Server, countedAsk, func(c *peer.Conn, v *string) error { return peer.Reply(c, countedTell, v) })
		peer.Handle(w.Client, countedTell, func(_ *peer.Conn, v *string) error { got <- *v; return nil })
	}, func(t *testing.T, w *peertest.World) {
		var mu sync.Mutex
		var seen []string
		stop := w.AtServer.Trace(func(d peer.Direction, typ *registry.Type, payload []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, d.String()+" "+typ.Name()+" "+string(payload[1:]))
		})
		ask := func(text string) {
			if err := peer.Send(w.AtClient, countedAsk, &text); err != nil {
				t.Fatal(err)
			}
			<-got
		}
		ask("one")
		stop()
		stop()
		ask("two")
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != 2 || seen[0] != "received count:ask one" || seen[1] != "sent count:tell one" {
			t.Errorf("seen %q", seen)
		}
	})
}

// A trace of a conn that ends costs the others nothing any more.
func TestTraceEndsWithItsConn(t *testing.T) {
	peertest.Everywhere(t, countedSide, func(*peertest.World) {}, func(t *testing.T, w *peertest.World) {
		w.AtServer.Trace(func(peer.Direction, *registry.Type, []byte) {})
		w.AtServer.Close()
		await.True(t, "the peer is not observed", func() bool { return !peer.Observed(w.Server) })
	})
}
