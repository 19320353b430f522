// Package game is the arena: its server, its bots, and the command.
//
// Look at packets.go, which both sides share; at server.go, where everything comes together;
// at cluster.go, for an arena of several nodes; and at the tests, whose bots play in memory with
// a clock that the test moves.
package game

// The command line.

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"time"
)

// ErrNoCluster is returned by Run if it is to be a node and has no Cluster.
var ErrNoCluster = errors.New("arena: this program cannot be a node")

// options are what the command line says.
type options struct {
	bots, rooms int
	node, join  string // the node's name, if it is one, and that of a node that is there
	hz          float64
	listen      string
	web, client string // where the page is served, if anywhere, and the directory of the TypeScript client
	connect     string // not empty: this is the process of the bots
	together    bool
	length      time.Duration
	key         key
}

// Run is the command arena with its arguments, until that is done or ctx is. cluster is for
// nodes; nil has Run return ErrNoCluster for them.
func Run(ctx context.Context, args []string, out io.Writer, cluster Cluster) error {
	var o options
	fs := flag.NewFlagSet("arena", flag.ContinueOnError)
	fs.IntVar(&o.bots, "bots", 300, "so many bots play")
	fs.IntVar(&o.rooms, "rooms", 0, "in so many rooms (default one for 20 bots)")
	fs.Float64Var(&o.hz, "hz", 20, "times a second that bots move, and are told where others are")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the server")
	fs.StringVar(&o.web, "web", "", "`address` of a page to play in, such as 127.0.0.1:8080")
	fs.StringVar(&o.client, "client", "clients/ts", "`directory` of the TypeScript client for that page, built by make ts")
	fs.StringVar(&o.connect, "connect", "", "only the bots, for a server at `address` with the same ARENA_KEY")
	fs.StringVar(&o.node, "node", "", "it is a node of a cluster, of this `name`")
	fs.StringVar(&o.join, "join", "", "the `name` of another node on this machine, whose cluster it joins")
	fs.BoolVar(&o.together, "together", false, "the bots are in the server's process")
	fs.DurationVar(&o.length, "for", 0, "how long it plays (default until it is interrupted)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.bots < 0 || o.rooms < 0 || o.hz < 1 || o.hz > 1000 || fs.NArg() > 0 || o.join != "" && o.node == "" || !isNodeName(o.node) || !isNodeName(o.join) {
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
	switch {
	case o.connect != "":
		return playBots(ctx, o, out)
	case o.node == "":
		return host(ctx, o, out, nil)
	case cluster == nil:
		return ErrNoCluster
	}
	return host(ctx, o, out, cluster)
}
