package call

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// number is what is called with where only the calls themselves are to count: about 64 bytes.
type number struct {
	N    int
	Text string
	Pad  []byte
}

var (
	plainNumber  = Define[number, number]("test:plain", 60)
	reusedNumber = Define[number, number]("test:reusednumber", 62, registry.Reuse())

	ping = registry.Define[number]("test:ping", 64, registry.Reuse())
	pong = registry.Define[number]("test:pong", 65, registry.Reuse())

	rawPing = registry.Define[number]("test:rawping", 66)
)

// numbers is a server and a client in memory, on one loop.
func numbers(tb testing.TB) *world {
	tb.Helper()
	registries := []*registry.Registry{registry.New(), registry.NewAdapting()}
	for _, r := range registries {
		r.MustAdd(plainNumber.Packets()...)
		r.MustAdd(reusedNumber.Packets()...)
		r.MustAdd(ping, pong, rawPing)
	}
	server := peer.NewMemoryServer(registries[0], nil)
	client := peer.NewMemoryClient(registries[1], &peer.Config{Reactor: server.Reactor()})
	w := &world{Server: server.Peer, Client: client.Peer}
	var answer number
	add := func(_ *Context, q *number) (*number, error) {
		answer = number{N: q.N + 1, Text: q.Text, Pad: q.Pad}
		return &answer, nil
	}
	Handle(server, plainNumber, add)
	Handle(server, reusedNumber, add)
	peer.Handle(server, ping, func(c *peer.Conn, q *number) error {
		answer = number{N: q.N + 1, Text: q.Text, Pad: q.Pad}
		return peer.Reply(c, pong, &answer)
	})
	peer.HandleRaw(server, rawPing, func(c *peer.Conn, b []byte) error {
		return c.ReplyRaw(rawPing.In(registries[0]), b)
	})
	tb.Cleanup(func() { server.Close(); client.Close() })
	if err := server.RunAsync(); err != nil {
		tb.Fatal(err)
	}
	conn, err := client.Connect(tb.Context(), server)
	if err != nil {
		tb.Fatal(err)
	}
	w.AtClient = conn
	return w
}

var padded = &number{N: 7, Text: "a question", Pad: make([]byte, 32)}

// BenchmarkGo is a call, both sides of it on one loop.
func BenchmarkGo(b *testing.B) {
	w := numbers(b)
	done := make(chan struct{})
	n := 0
	var came func(*number, error)
	came = func(_ *number, err error) {
		if err != nil {
			b.Error(err)
		}
		if n++; n == b.N {
			close(done)
			return
		}
		Go(w.AtClient, reusedNumber, padded, 0, came)
	}
	b.ReportAllocs()
	b.ResetTimer()
	w.AtClient.Loop().Post(func() { Go(w.AtClient, reusedNumber, padded, 0, came) })
	<-done
}

// BenchmarkPackets is what BenchmarkGo is to be compared with: a packet and its reply.
func BenchmarkPackets(b *testing.B) {
	w := numbers(b)
	done := make(chan struct{})
	n := 0
	peer.Handle(w.Client, pong, func(c *peer.Conn, _ *number) error {
		if n++; n == b.N {
			close(done)
			return nil
		}
		return peer.Send(c, ping, padded)
	})
	b.ReportAllocs()
	b.ResetTimer()
	w.AtClient.Loop().Post(func() { peer.Send(w.AtClient, ping, padded) })
	<-done
}

// BenchmarkDo is a call that another goroutine waits for.
func BenchmarkDo(b *testing.B) {
	w := numbers(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Do(b.Context(), w.AtClient, reusedNumber, padded); err != nil {
			b.Fatal(err)
		}
	}
}

// serves measures what a server takes for requests of which 16 are under way: the client sends
// the same bytes again and again, and looks at none of the answers.
func serves[Q, A any](b *testing.B, request registry.Packet[Q], answer registry.Packet[A], q *Q) {
	w := numbers(b)
	payload, err := new(codec.Msgpack).Append(nil, q)
	if err != nil {
		b.Fatal(err)
	}
	const batch = 16
	t := request.In(w.Client.Registry())
	done := make(chan struct{})
	sent, came := 0, 0
	send := func(c *peer.Conn) {
		for range batch {
			c.ReplyRaw(t, payload)
		}
		sent += batch
	}
	peer.HandleRaw(w.Client, answer, func(c *peer.Conn, _ []byte) error {
		if came++; came < sent {
			return nil
		}
		if came >= b.N {
			close(done)
			return nil
		}
		send(c)
		return nil
	})
	b.ReportAllocs()
	b.ResetTimer()
	w.AtClient.Loop().Post(func() { send(w.AtClient) })
	<-done
}

// BenchmarkServeCall is a call at the side that handles it.
func BenchmarkServeCall(b *testing.B) {
	serves(b, reusedNumber.Request(), reusedNumber.Answer(), &Request[number]{ID: 1 << 20, MS: 10000, Body: padded})
}

// BenchmarkServePacket is what BenchmarkServeCall is to be compared with.
func BenchmarkServePacket(b *testing.B) { serves(b, ping, pong, padded) }

// BenchmarkServeRaw is the part of both that is not the server's: a raw packet and its reply.
func BenchmarkServeRaw(b *testing.B) { serves(b, rawPing, rawPing, padded) }
