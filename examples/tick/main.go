// Tick is a game loop that polls: each tick handles what has come from players,
// moves the world and sends it, all on the main goroutine, and its thread.
//
//	go run ./examples/tick
//
// Between two Polls no callback runs, so the world is a plain struct that the loop
// and the handlers change without a lock.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Push is ball:push, from a player: the ball gets faster by so much.
type Push struct{ By float64 }

// Ball is ball:at, to all players after each tick.
type Ball struct {
	Tick  int
	At    float64 // m
	Speed float64 // m/s
}

type packets struct {
	reg  *registry.Registry
	push registry.Packet[Push]
	at   registry.Packet[Ball]
}

func newPackets(r *registry.Registry) packets {
	return packets{r, registry.MustAdd[Push](r, "ball:push", 16), registry.MustAdd[Ball](r, "ball:at", 17)}
}

func main() {
	runtime.LockOSThread() // as a toolkit that draws would ask for
	if err := play(context.Background(), 50, 20*time.Millisecond, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// play runs the game for so many ticks.
func play(ctx context.Context, ticks int, each time.Duration, out io.Writer) error {
	var ball Ball
	p := newPackets(registry.New())
	game := peer.NewServer(p.reg, &peer.Config{Engine: &engine.Config{OnCaller: true}})
	defer game.Close()
	err := peer.Handle(game, p.push, func(_ *peer.Conn, push *Push) error {
		ball.Speed += push.By
		return nil
	})
	if err != nil {
		return err
	}
	player, err := newPlayer(game, out)
	if err != nil {
		return err
	}
	if err := player.ConnectAsync(game); err != nil {
		return err
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	for ball.Tick < ticks {
		if _, err := game.Poll(ctx); err != nil { // what players did
			return err
		}
		ball.Tick++
		ball.At += ball.Speed * each.Seconds()
		if err := game.Broadcast(p.at, &ball); err != nil {
			return err
		}
		if _, err := game.Poll(ctx); err != nil { // what they are sent leaves
			return err
		}
		<-tick.C
	}
	return game.Shutdown(ctx)
}

// newPlayer is a player in memory, on the game's own loop; a Client elsewhere
// would look the same.
func newPlayer(game *peer.Server, out io.Writer) (*peer.MemoryClient, error) {
	p := newPackets(registry.NewAdapting())
	player := peer.NewMemoryClient(p.reg, &peer.Config{
		Reactor: game.Reactor(),
		Events:  peer.Events{OnMade: func(c *peer.Conn) { peer.Send(c, p.push, &Push{By: 1}) }},
	})
	return player, peer.Handle(player, p.at, func(c *peer.Conn, b *Ball) error {
		if b.Tick%10 != 0 {
			return nil
		}
		fmt.Fprintf(out, "tick %3d  at %5.2f m  speed %4.1f m/s\n", b.Tick, b.At, b.Speed)
		return peer.Reply(c, p.push, &Push{By: 1})
	})
}
