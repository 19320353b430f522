package main

import (
	"context"
	"flag"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/packetmq/packetmq/bench/versus/gnetpeer"
	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/harness"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/bench/versus/nbiopeer"
	"github.com/packetmq/packetmq/bench/versus/netpeer"
	"github.com/packetmq/packetmq/bench/versus/netpollpeer"
	"github.com/packetmq/packetmq/bench/versus/ttrpcpeer"
	"github.com/packetmq/packetmq/bench/versus/twisted"
)

// server prints "listening HOST:PORT" and answers until ctx is done.
type server func(ctx context.Context, addr, mode string, out io.Writer) error

func servers() map[string]server {
	return map[string]server{
		"gnet":       gnetpeer.Coalesced,
		"grpc":       grpcpeer.Serve,
		"ttrpc":      ttrpcpeer.Serve,
		"nats":       natspeer.Serve,
		"twisted":    twisted.Serve,
		"gnet-naive": gnetpeer.Naive,
		"net":        netpeer.Serve,
		"net64k":     netpeer.Serve64K,
		"netpoll":    netpollpeer.Serve,
		"nbio":       nbiopeer.Serve,
	}
}

func serveCommand(ctx context.Context, args []string, std stdio) error {
	name, args := split(args)
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:0", "where to listen; port 0 takes a free one")
	mode := fs.String("mode", "raw", "what becomes of a payload: raw returns its bytes, typed decodes and encodes a struct, any does so without knowing the type")
	about := "NAME [flags], NAME being one of " + names(servers())
	if err := parse(fs, args, 0, 0, about, std); err != nil {
		return err
	}
	serve, ok := servers()[name]
	if !ok {
		return usageErrorf("there is no server %q; there are %s", name, names(servers()))
	}
	defer tellMemory(std.err)()
	return serve(ctx, *listen, *mode, std.out)
}

func pinCommand(_ context.Context, args []string, _ stdio) error {
	if len(args) < 3 {
		return usageErrorf("want a CPU, a priority and a program")
	}
	cpu, err := strconv.Atoi(args[0])
	if err != nil || cpu < 0 {
		return usageErrorf("CPU %q: want its number", args[0])
	}
	nice, err := strconv.Atoi(args[1])
	if err != nil {
		return usageErrorf("priority %q: want -20 to 19", args[1])
	}
	return harness.Pin(cpu, nice, args[2:])
}

// split takes the name in front of the flags.
func split(args []string) (name string, rest []string) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "", args
	}
	return args[0], args[1:]
}

func names[V any](m map[string]V) string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
