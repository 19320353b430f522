package main

// The commands serve and pin: one server, and a program on one CPU.

import (
	"context"
	"flag"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/packetmq/packetmq/bench/versus/arpcpeer"
	"github.com/packetmq/packetmq/bench/versus/centrifugepeer"
	"github.com/packetmq/packetmq/bench/versus/clusterpeer"
	"github.com/packetmq/packetmq/bench/versus/gnetpeer"
	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/harness"
	"github.com/packetmq/packetmq/bench/versus/melodypeer"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/bench/versus/nbiopeer"
	"github.com/packetmq/packetmq/bench/versus/netpeer"
	"github.com/packetmq/packetmq/bench/versus/netpollpeer"
	"github.com/packetmq/packetmq/bench/versus/netrpcpeer"
	"github.com/packetmq/packetmq/bench/versus/packetmqpeer"
	"github.com/packetmq/packetmq/bench/versus/ttrpcpeer"
	"github.com/packetmq/packetmq/bench/versus/twisted"
	"github.com/packetmq/packetmq/bench/versus/wspeer"
	"github.com/packetmq/packetmq/internal/command"
)

// server prints "listening HOST:PORT" and answers until ctx is done.
type server func(ctx context.Context, addr, mode string, out io.Writer) error

func servers() map[string]server {
	return map[string]server{
		"gnet":            gnetpeer.Coalesced,
		"grpc":            grpcpeer.Serve,
		"ttrpc":           ttrpcpeer.Serve,
		"netrpc":          netrpcpeer.Serve,
		"nodes":           clusterpeer.Serve,
		"nats-nodes":      clusterpeer.ServeNATS,
		"natsfloor-nodes": clusterpeer.ServeFloor,
		"arpc":            arpcpeer.Serve,
		"nats":            natspeer.Serve,
		"packetmq":        packetmqpeer.Serve,
		"melody":          melodypeer.Serve,
		"centrifuge":      centrifugepeer.Serve,
		"twisted":         twisted.Serve,
		"gnet-naive":      gnetpeer.Naive,
		"net":             netpeer.Serve,
		"net64k":          netpeer.Serve64K,
		"netpoll":         netpollpeer.Serve,
		"nbio":            nbiopeer.Serve,
		"gws":             wspeer.GWS,
		"gorilla":         wspeer.Gorilla,
		"coder":           wspeer.Coder,
		"gobwas":          wspeer.Gobwas,
		"nbio-ws":         wspeer.NBIO,
	}
}

func serveCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:0", "where to listen; port 0 takes a free one")
	mode := fs.String("mode", "raw", "what becomes of a payload: raw returns its bytes, typed decodes and encodes a struct, any does so without knowing the type, call answers calls of the library, room sends to all members, topic to all subscribers, session answers in sessions; of nodes, user sends to a user at the other node, ask answers another node, across sends to members at three nodes and alone at one, still does nothing")
	loops := fs.Int("loops", 1, "event loops; gnet alone can have more than one")
	serve, err := chosen(fs, args, servers(), std)
	if err != nil {
		return err
	}
	if *loops != 1 {
		if serve, err = several(args[0], *loops); err != nil {
			return err
		}
	}
	defer tellMemory(std.Err)()
	return serve(ctx, *listen, *mode, std.Out)
}

// several is a server with so many event loops.
func several(name string, loops int) (server, error) {
	if name != "gnet" || loops < 1 {
		return nil, command.Usagef("%s --loops %d: want 1, or with gnet more", name, loops)
	}
	return gnetpeer.Several(loops), nil
}

func pinCommand(_ context.Context, args []string, _ command.IO) error {
	if len(args) < 3 {
		return command.Usagef("want a CPU, a priority and a program")
	}
	var cpus []int
	for _, s := range strings.Split(args[0], ",") {
		cpu, err := strconv.Atoi(s)
		if err != nil || cpu < 0 {
			return command.Usagef("CPUs %q: want numbers with commas between them", args[0])
		}
		cpus = append(cpus, cpu)
	}
	nice, err := strconv.Atoi(args[1])
	if err != nil {
		return command.Usagef("priority %q: want -20 to 19", args[1])
	}
	return harness.Pin(cpus, nice, args[2:])
}

// chosen parses args, a name and then flags, for what among has by that name.
func chosen[T any](fs *flag.FlagSet, args []string, among map[string]T, std command.IO) (what T, err error) {
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	about := "NAME [flags], NAME being one of " + names(among)
	if err := program().Parse(fs, args, command.Arguments{About: about}, std); err != nil {
		return what, err
	}
	what, ok := among[name]
	if !ok {
		return what, command.Usagef("there is no %q to %s; there are %s", name, fs.Name(), names(among))
	}
	return what, nil
}

func names[V any](m map[string]V) string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
