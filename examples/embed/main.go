// Embed is a program with a main loop of its own, which hosts a server and a
// client in memory: a lander comes down on the moon, flown by a pilot who sees
// and steers it through packets only.
//
//	go run ./examples/embed
//
// Look at world.go: ticks of the simulation, which a timer calls, and the
// pilot's packets, which a handler takes, change one plain struct without a
// lock, because both run on the server's loop; and the main loop, which is
// another goroutine, gets at that struct by posting a function there. Look at
// pilot.go for a client on that same loop, which could as well be a Client in
// another process if the server listened.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// State is moon:state, from the world to all pilots after each tick.
type State struct {
	Tick   int
	Height float64 // m
	Speed  float64 // m/s, upwards
	Fuel   float64 // kg
}

// Burn is moon:burn, from a pilot: the engine's thrust from now on.
type Burn struct {
	Thrust float64 // m/s² that it gives the lander
}

// Reuse, since they come often and no handler here keeps one.
var (
	moonState = registry.Define[State]("moon:state", 16, registry.Reuse())
	moonBurn  = registry.Define[Burn]("moon:burn", 17, registry.Reuse())
)

func main() {
	frames := time.NewTicker(500 * time.Millisecond)
	defer frames.Stop()
	if err := run(context.Background(), 5*time.Millisecond, frames.C, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run is the program's main loop: it draws a frame whenever one is due, until
// the lander is down. The world ticks beside it, each tick.
func run(ctx context.Context, tick time.Duration, frames <-chan time.Time, out io.Writer) (err error) {
	w := &world{lander: State{Height: 120, Fuel: 40}, down: make(chan State, 1)}
	reg := registry.New()
	reg.MustAdd(moonState, moonBurn)
	server := peer.NewServer(reg, nil)
	defer func() { err = errors.Join(err, server.Shutdown(context.Background())) }()
	loop := server.Reactor()
	w.host(server)
	pilot := newPilot(loop)
	if err := server.RunAsync(); err != nil {
		return err
	}
	if _, err := pilot.Connect(ctx, server); err != nil {
		return err
	}
	if err := loop.Post(func() { w.start(tick) }); err != nil {
		return err
	}
	for {
		select {
		case <-frames:
			s, err := w.look()
			if err != nil {
				return err
			}
			draw(out, "falling", s)
		case s := <-w.down:
			draw(out, "down", s)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func draw(out io.Writer, what string, s State) {
	fmt.Fprintf(out, "%-8s tick %4d  height %6.2f m  speed %6.2f m/s  fuel %5.2f kg\n", what, s.Tick, s.Height, s.Speed, s.Fuel)
}
