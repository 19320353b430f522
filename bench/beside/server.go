package beside

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The ways in which the two servers share a process.
const (
	One  = "one reactor"
	Two  = "two reactors"
	Keep = "two reactors, KeepProcs"
)

const snapshotEvery = 50 * time.Millisecond

// snapshot is what players get.
type snapshot struct {
	Due   int64 // Unix time in nanoseconds
	World []byte
}

// worldSize is the payload of a snapshot in bytes.
const worldSize = 200

// packets are the types of both sides.
type packets struct {
	reg      *registry.Registry
	snapshot registry.Packet[snapshot]
	report   registry.Packet[int64]
}

func newPackets(reg *registry.Registry) packets {
	return packets{reg, registry.MustAdd[snapshot](reg, "beside:snapshot", 20), registry.MustAdd[int64](reg, "beside:report", 21)}
}

// Serve runs the two servers, tells their addresses in a line, and ends when in
// does.
func Serve(ctx context.Context, how string, in io.Reader, out io.Writer) error {
	cfg := &engine.Config{KeepProcs: how == Keep}
	first := engine.New(cfg)
	defer first.Close()
	second := first
	if how != One {
		second = engine.New(cfg)
		defer second.Close()
	}
	game, telemetry := newPackets(registry.New()), newPackets(registry.New())
	players := peer.NewServer(game.reg, &peer.Config{Reactor: first})
	reporters := peer.NewServer(telemetry.reg, &peer.Config{Reactor: second})
	peer.Handle(players, game.report, func(*peer.Conn, *int64) error { return nil })
	peer.Handle(reporters, telemetry.report, func(c *peer.Conn, v *int64) error {
		return peer.Reply(c, telemetry.report, v)
	})
	atGame, err := players.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	atTelemetry, err := reporters.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	due := time.Now().Add(snapshotEvery)
	world := make([]byte, worldSize)
	first.Every(snapshotEvery, func() {
		for c := range players.Conns() {
			peer.Send(c, game.snapshot, &snapshot{due.UnixNano(), world})
		}
		for due = due.Add(snapshotEvery); due.Before(time.Now()); { // Every makes up for no call that it missed
			due = due.Add(snapshotEvery)
		}
	})
	for _, r := range []*engine.Reactor{first, second} {
		if err := r.RunAsync(); err != nil && r != second {
			return err
		}
	}
	fmt.Fprintln(out, atGame.Addr(), atTelemetry.Addr())
	_, err = io.Copy(io.Discard, in)
	return err
}
