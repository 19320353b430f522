package embedded

import (
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// durableWindow is how many packets are under way.
const durableWindow = 256

// BenchmarkDurableUser is a packet that is stored and comes to a user at another node, up to the
// handler of his client, with 256 under way.
func BenchmarkDurableUser(b *testing.B) {
	one, other, _ := twoNodes(b, cluster.Durability{Packets: 1 << 20, UnderWay: 2 * durableWindow})
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	cli := peer.NewClient(reg, nil)
	var got atomic.Int64
	under := make(chan struct{}, durableWindow)
	done := make(chan struct{})
	peer.Handle(cli, noted, func(_ *peer.Conn, v *note) error {
		<-under
		if got.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	if err := cli.RunAsync(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cli.Close() })
	if _, err := session.Dial(b.Context(), cli, other.addr, &session.Config{AckPackets: 64}); err != nil {
		b.Fatal(err)
	}
	if err := other.Bind(await.Value(b, "session", other.begun), "u"); err != nil {
		b.Fatal(err)
	}
	u := cluster.Durable(cluster.User("u"))
	v := note{Text: "sixteen letters."}
	b.ResetTimer()
	for range b.N {
		under <- struct{}{}
		if err := cluster.Send(one.Node, u, noted, &v); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

// BenchmarkJetStream is a message that JetStream stores and a consumer of the same process gets and
// acknowledges, with 256 under way.
func BenchmarkJetStream(b *testing.B) {
	js := js(b, store(b))
	stream, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}, Retention: jetstream.WorkQueuePolicy})
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := stream.CreateConsumer(b.Context(), jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		b.Fatal(err)
	}
	var got atomic.Int64
	under := make(chan struct{}, durableWindow)
	done := make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		m.Ack()
		<-under
		if got.Add(1) == int64(b.N) {
			close(done)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(consuming.Stop)
	data := []byte("sixteen letters.")
	b.ResetTimer()
	for range b.N {
		under <- struct{}{}
		if _, err := js.PublishAsync("s.u", data); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}
