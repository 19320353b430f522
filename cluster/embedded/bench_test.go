package embedded

// What the cluster costs beside NATS itself, over the same two servers in one process.

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// reportMedian reports the median of what took how long.
func reportMedian(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
}

// BenchmarkRoundTrip is a question to another node and its answer, one at a time: a call, and
// a request of NATS.
func BenchmarkRoundTrip(b *testing.B) {
	all := nodes(b, 2)
	b.Run("call", func(b *testing.B) {
		c := all[0].Node.Node("n1")
		took := make([]time.Duration, 0, b.N)
		for i := range b.N {
			began := time.Now()
			if _, err := call.Do(b.Context(), c, double, &i); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		reportMedian(b, took)
	})
	b.Run("NATS", func(b *testing.B) {
		far, near := all[1].server.Conn(), all[0].server.nc
		sub, err := far.Subscribe("bench.ask", func(m *nats.Msg) { m.Respond(m.Data) })
		if err != nil {
			b.Fatal(err)
		}
		defer sub.Unsubscribe()
		question := make([]byte, 16)
		await.True(b, "a subscription that the other server knows", func() bool {
			_, err := near.Request("bench.ask", question, time.Second)
			return err == nil
		})
		took := make([]time.Duration, 0, b.N)
		b.ResetTimer()
		for range b.N {
			began := time.Now()
			if _, err := near.Request("bench.ask", question, time.Second); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		reportMedian(b, took)
	})
}

// BenchmarkOneWay is what a packet costs that goes to a user at another node, up to that node's
// session, and what a message of NATS costs up to its subscriber; thousands under way.
func BenchmarkOneWay(b *testing.B) {
	all := nodes(b, 2)
	text := fmt.Sprint(make([]byte, 16))
	b.Run("user", func(b *testing.B) {
		ann := all[1].player("ann")
		await.True(b, "user", func() bool { return all[0].Where("ann") == "n1" })
		b.ResetTimer()
		for i := range b.N {
			await.True(b, "room for a packet", func() bool {
				err := cluster.Send(all[0].Node, cluster.User("ann"), noted, &note{N: i, Text: text})
				if err != nil && !errors.Is(err, peer.ErrBackpressure) {
					b.Fatal(err)
				}
				return err == nil
			})
			if i%1000 == 999 { // no more are under way than the session holds
				for range 1000 {
					await.Value(b, "note", ann.got)
				}
			}
		}
		for range b.N % 1000 {
			await.Value(b, "note", ann.got)
		}
		ann.Session.End("reason.bye")
	})
	b.Run("NATS", func(b *testing.B) {
		far, near := all[1].server.Conn(), all[0].server.nc
		var got atomic.Int64
		came := make(chan struct{}, 1)
		var known atomic.Bool // the other server knows of the subscription
		sub, err := far.Subscribe("bench.note", func(m *nats.Msg) {
			if len(m.Data) == 0 {
				known.Store(true)
			} else if got.Add(1)%1000 == 0 {
				came <- struct{}{}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		defer sub.Unsubscribe()
		body := make([]byte, 60)
		await.True(b, "a subscription that the other server knows", func() bool {
			near.Publish("bench.note", nil)
			return known.Load()
		})
		b.ResetTimer()
		for i := range b.N {
			near.Publish("bench.note", body)
			if i%1000 == 999 {
				await.Value(b, "thousand messages", came)
			}
		}
	})
}
