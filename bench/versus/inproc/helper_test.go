package inproc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/bench/versus/packetmqpeer"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const (
	size   = 64 // of a payload
	echoID = 17
	echo   = "bench:echo"
	reply  = "bench:reply"
)

// measure times run, which moves b.N packets, by the clock and by what the
// process uses. It returns the latter for one packet, in ns.
func measure(b *testing.B, run func()) (cpu float64) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	run()
	b.StopTimer()
	cpu = float64(cpuTime()-before) / float64(b.N)
	b.ReportMetric(cpu, "cpu-ns/op")
	return cpu
}

func cpuTime() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic(err) // the clock is always there
	}
	return ts.Nano()
}

func must(b testing.TB, err error) {
	if err != nil {
		b.Helper() // it costs too much to be called in a loop
		b.Fatal(err)
	}
}

// note is a packet of about 64 bytes.
type note struct {
	Seq  uint64 `msgpack:"seq"`
	TS   uint64 `msgpack:"ts"`
	Body []byte `msgpack:"body"`
}

func newNote() *note { return &note{1 << 40, 1 << 63, make([]byte, size-33)} }

// side is what one side of a conversation knows.
type side struct {
	reg         *registry.Registry
	echo, reply registry.Packet[note]
}

// newRegistry makes a registry of a side that adapts, or of one that insists.
func newRegistry(adapt bool) *registry.Registry {
	if adapt {
		return registry.NewAdapting()
	}
	return registry.New()
}

func newSide(adapt bool) *side {
	s := &side{reg: newRegistry(adapt)}
	s.echo = registry.MustAdd[note](s.reg, echo, echoID, registry.Reuse())
	s.reply = registry.MustAdd[note](s.reg, reply, echoID+1, registry.Reuse())
	return s
}

// couple connects a memory client to a server on one loop. The functions set
// the handlers.
func couple(b *testing.B, server, client func(h peer.Host, s *side)) (*peer.Conn, *side) {
	b.Helper()
	ours, theirs := newSide(true), newSide(false)
	srv := peer.NewServer(theirs.reg, nil)
	b.Cleanup(func() { srv.Close() })
	cli := peer.NewMemoryClient(ours.reg, &peer.Config{Reactor: srv.Reactor()})
	server(srv, theirs)
	client(cli, ours)
	must(b, srv.RunAsync())
	c, err := cli.Connect(b.Context(), srv)
	must(b, err)
	return c, ours
}

func nothing(peer.Host, *side) {}

// overBufconn opens a stream to a grpc server in this process.
func overBufconn(b *testing.B, desc *grpc.StreamDesc) *grpcpeer.Stream {
	b.Helper()
	ln := bufconn.Listen(1 << 20)
	srv := grpcpeer.NewServer()
	b.Cleanup(srv.Stop)
	go srv.Serve(ln)
	s, err := grpcpeer.Dial(b.Context(), "memory", desc, grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) { return ln.DialContext(ctx) }))
	must(b, err)
	b.Cleanup(func() { s.Close() })
	return s
}

func newBroker(b *testing.B) *natspeer.Broker {
	b.Helper()
	broker, err := natspeer.NewBroker("")
	must(b, err)
	b.Cleanup(broker.Close)
	return broker
}

// dial connects to a packetmq server and does the handshake, as the side that
// adapts, so that nothing of packetmq is at this end.
func dial(addr string) (net.Conn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := greet(nc); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

func greet(nc io.ReadWriter) error {
	return packetmqpeer.Greet(nc, packetmqpeer.ID{Name: echo, ID: echoID}, packetmqpeer.ID{Name: reply, ID: echoID + 1})
}

// exchange has a server answer one packet, and checks it.
func exchange(nc net.Conn, payload []byte) error {
	if _, err := nc.Write(codec.AppendFrame(nil, echoID, payload)); err != nil {
		return err
	}
	id, got, err := packetmqpeer.ReadFrame(nc)
	if err == nil && (id != echoID+1 || !bytes.Equal(got, payload)) {
		err = fmt.Errorf("the reply is %d %x", id, got)
	}
	return err
}
