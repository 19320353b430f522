package session

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// point is a packet without pointers.
type point struct{ X, Y int }

var points = registry.Define[point]("test:point", 50, registry.Reuse())

// burst is how many packets are sent one after the other, before the client waits for the last.
const burst = 100

// stream is a client that sends bursts of packets to a server in memory, on one loop.
type stream struct {
	client *Session
	send   func(c *peer.Conn) error
	got    int // in this burst
	left   int // packets
	done   chan struct{}
}

func newStream(tb testing.TB, send func(c *peer.Conn) error) *stream {
	tb.Helper()
	r := &stream{send: send, done: make(chan struct{}, 1)}
	reg, far := registry.New(), registry.NewAdapting()
	reg.MustAdd(points)
	far.MustAdd(points)
	srv := peer.NewMemoryServer(reg, nil)
	cli := peer.NewMemoryClient(far, &peer.Config{Reactor: srv.Reactor()})
	tb.Cleanup(func() { cli.Close(); srv.Close() })
	Serve(srv, nil)
	next := func() { r.burst(tb) }
	peer.Handle(srv, points, func(c *peer.Conn, _ *point) error {
		if r.got++; r.got == burst {
			c.Loop().Post(next)
		}
		return nil
	})
	if err := srv.RunAsync(); err != nil {
		tb.Fatal(err)
	}
	s, err := DialMemory(tb.Context(), cli, srv, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r.client = s
	return r
}

// burst sends the next burst, on the loop.
func (r *stream) burst(tb testing.TB) {
	r.got = 0
	if r.left <= 0 {
		r.done <- struct{}{}
		return
	}
	r.left -= burst
	c := r.client.Conn()
	for range burst {
		if err := r.send(c); err != nil {
			tb.Error(err)
		}
	}
}

// run sends n packets.
func (r *stream) run(tb testing.TB, n int) {
	r.client.Loop().Post(func() {
		r.left = n
		r.burst(tb)
	})
	await.Value(tb, "end of the bursts", r.done)
}

var sent = &point{1, 2}

func sendPlain(c *peer.Conn) error   { return peer.Send(c, points, sent) }
func sendSession(c *peer.Conn) error { return Send(Of(c), points, sent) }

// Neither a packet that is sent as it is nor one of a session allocates anything: on its way
// out, in, and until it is acknowledged. A burst takes a few objects, whatever it is of: it is
// posted. So many packets come before it that the pools have learnt how long they are.
func TestSessionAllocatesNothing(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	const before, packets = 100_000, 20_000
	for _, by := range []struct {
		name string
		send func(c *peer.Conn) error
	}{{"alone", sendPlain}, {"in a session", sendSession}} {
		r := newStream(t, by.send)
		r.run(t, before)
		n := testing.AllocsPerRun(5, func() { r.run(t, packets) })
		t.Logf("%v objects for %d packets %s", n, packets, by.name)
		if n > packets/burst/4 {
			t.Errorf("%v objects for %d packets %s", n, packets, by.name)
		}
	}
}

// BenchmarkPacket is what a packet costs in memory with both sides on one loop, sent as it is
// and in a session.
func BenchmarkPacket(b *testing.B) {
	for _, by := range []struct {
		name string
		send func(*peer.Conn) error
	}{{"typed", sendPlain}, {"session", sendSession}} {
		b.Run(by.name, func(b *testing.B) {
			r := newStream(b, by.send)
			r.run(b, 1000)
			b.ReportAllocs()
			b.ResetTimer()
			r.run(b, b.N)
		})
	}
}
