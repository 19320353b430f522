// Arena is a small game: rooms in which players walk, chat and whisper, with bots that do.
//
//	go run ./examples/arena                              300 bots in rooms of 20, until Ctrl-C
//	go run ./examples/arena -bots 500 -rooms 25 -for 20s
//	go run ./examples/arena -bots 0 -listen :7000        a server alone
//	go run ./examples/arena -bots 30 -web :8080          and a page to play with them (after make ts)
//
// The bots are in a process of their own, so that the CPU time in the live line is that of the
// server.
//
// Look at packets.go, which both sides share; at server.go, where everything comes together;
// and at the tests, whose bots play in memory with a clock that the test moves.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// options are what the command line says.
type options struct {
	bots, rooms int
	hz          float64
	listen      string
	web, client string // where the page is served, if anywhere, and the directory of the TypeScript client
	connect     string // not empty: this is the process of the bots
	together    bool
	length      time.Duration
	key         key
}

// run does what the arguments say, until that is done or ctx is.
func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	fs := flag.NewFlagSet("arena", flag.ContinueOnError)
	fs.IntVar(&o.bots, "bots", 300, "so many bots play")
	fs.IntVar(&o.rooms, "rooms", 0, "in so many rooms (default one for 20 bots)")
	fs.Float64Var(&o.hz, "hz", 20, "times a second that bots move, and are told where others are")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the server")
	fs.StringVar(&o.web, "web", "", "`address` of a page to play in, such as 127.0.0.1:8080")
	fs.StringVar(&o.client, "client", "clients/ts", "`directory` of the TypeScript client for that page, built by make ts")
	fs.StringVar(&o.connect, "connect", "", "only the bots, for a server at `address` with the same ARENA_KEY")
	fs.BoolVar(&o.together, "together", false, "the bots are in the server's process")
	fs.DurationVar(&o.length, "for", 0, "how long it plays (default until it is interrupted)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.bots < 0 || o.rooms < 0 || o.hz < 1 || o.hz > 1000 || fs.NArg() > 0 {
		return errors.New("arena: no such game; see arena -h")
	}
	o.rooms = max(1, cmp.Or(o.rooms, (o.bots+19)/20))
	if o.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.length)
		defer cancel()
	}
	if o.key = key(os.Getenv(keyVar)); len(o.key) == 0 {
		o.key = newKey()
	}
	if o.connect != "" {
		return playBots(ctx, o, out)
	}
	return host(ctx, o, out)
}
