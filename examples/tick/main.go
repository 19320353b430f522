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

var (
	ballPush = registry.Define[Push]("ball:push", 16)
	ballAt   = registry.Define[Ball]("ball:at", 17)
)

func main() {
	runtime.LockOSThread() // as a toolkit that draws would ask for
	if err := play(context.Background(), 50, 20*time.Millisecond, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// play runs the game for so many ticks.
func play(ctx context.Context, ticks int, each time.Duration, out io.Writer) error {
	var ball Ball
	reg := registry.New()
	reg.MustAdd(ballPush, ballAt)
	game := peer.NewServer(reg, &peer.Config{Engine: &engine.Config{OnCaller: true}})
	defer game.Close()
	peer.Handle(game, ballPush, func(_ *peer.Conn, push *Push) error {
		ball.Speed += push.By
		return nil
	})
	player := newPlayer(game, out)
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
		if err := peer.Broadcast(game, ballAt, &ball); err != nil {
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
func newPlayer(game *peer.Server, out io.Writer) *peer.MemoryClient {
	reg := registry.NewAdapting()
	reg.MustAdd(ballPush, ballAt)
	player := peer.NewMemoryClient(reg, &peer.Config{
		Reactor: game.Reactor(),
		Events:  peer.Events{OnMade: func(c *peer.Conn) { peer.Send(c, ballPush, &Push{By: 1}) }},
	})
	peer.Handle(player, ballAt, func(c *peer.Conn, b *Ball) error {
		if b.Tick%10 != 0 {
			return nil
		}
		fmt.Fprintf(out, "tick %3d  at %5.2f m  speed %4.1f m/s\n", b.Tick, b.At, b.Speed)
		return peer.Reply(c, ballPush, &Push{By: 1})
	})
	return player
}
