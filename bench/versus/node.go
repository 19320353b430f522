package main

// The command node: one node of a cluster.

import (
	"context"
	"flag"
	"io"

	"github.com/packetmq/packetmq/bench/versus/clusterpeer"
	"github.com/packetmq/packetmq/internal/command"
)

// node is a node until ctx is done or in ends.
type node func(ctx context.Context, cfg clusterpeer.Node, in io.Reader, out io.Writer) error

func clusterNodes() map[string]node {
	return map[string]node{"packetmq": clusterpeer.ServeNode, "nats": clusterpeer.ServeNATSNode, "natsfloor": clusterpeer.ServeFloorNode}
}

func nodeCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("node", flag.ContinueOnError)
	var cfg clusterpeer.Node
	fs.StringVar(&cfg.Name, "name", "n0", "name of the node")
	fs.StringVar(&cfg.Join, "join", "", "`HOST:PORT` at which another node has its server; empty: there is none yet")
	fs.IntVar(&cfg.Of, "of", 1, "nodes that there will be; it says whole when it knows them")
	serve, err := chosen(fs, args, clusterNodes(), std)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, std.In, std.Out)
}
