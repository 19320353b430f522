// Chat is a terminal chat over TCP.
//
//	go run ./examples/chat server [-listen 127.0.0.1:7777]
//	go run ./examples/chat client [-connect 127.0.0.1:7777] -name Ann
//
// What a client's console reads is said to all, but for /who, /me [does what],
// /time and /quit. The server's console takes /who, /kick NAME [reason],
// /say TEXT and /quit.
//
// Look at packets.go for what goes over the wire, and for commands that either
// side may ask of the other; at server.go for state in plain maps, without a
// lock: all that touches it runs on one loop, the console's lines too, which
// are posted there; and at house.go for a client in memory on that same loop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

var errUsage = errors.New("usage: chat server [-listen ADDR] | chat client [-connect ADDR] -name NAME")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, time.Now); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run is the program, with its clock.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer, now func() time.Time) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errUsage says it
	listen := flags.String("listen", "127.0.0.1:7777", "")
	connect := flags.String("connect", "127.0.0.1:7777", "")
	name := flags.String("name", "", "")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return errUsage
	}
	switch {
	case args[0] == "server":
		return runServer(ctx, *listen, in, out, now)
	case args[0] == "client" && *name != "":
		return runClient(ctx, *connect, *name, in, out)
	}
	return errUsage
}
