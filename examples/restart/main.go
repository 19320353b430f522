// Restart is a server that is replaced by a new process while its clients go on.
//
//	go run ./examples/restart -listen 127.0.0.1:7000 -control /tmp/restart-example   # and once more
//
// The second process takes the listener and the sessions over from the first, which then ends.
// If systemd has opened the listener (LISTEN_FDS), it is used.
//
// Look at server.go for the order in which things are done, and at sessions.go for how the
// sessions go along. The test replaces a server five times under the traffic of 300 clients.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// run serves until ctx is done or another process has taken over.
func run(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("restart", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:7000", "`address`, for the first process")
	control := fs.String("control", "", "Unix socket at `path` where processes hand over to each other")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *control == "" || fs.NArg() > 0 {
		return errors.New("restart: -control is needed, and nothing beside flags")
	}
	return serve(ctx, *listen, *control, out)
}
