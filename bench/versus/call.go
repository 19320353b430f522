package main

// The command call: the load of a server by the client of its library.

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/packetmq/packetmq/bench/versus/arpcpeer"
	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/centrifugepeer"
	"github.com/packetmq/packetmq/bench/versus/clusterpeer"
	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/melodypeer"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/bench/versus/netrpcpeer"
	"github.com/packetmq/packetmq/bench/versus/packetmqpeer"
	"github.com/packetmq/packetmq/bench/versus/ttrpcpeer"
	"github.com/packetmq/packetmq/internal/command"
)

type call func(ctx context.Context, cfg caller.Config) (caller.Result, error)

// calls are by peer and by mode.
func calls() map[string]map[string]call {
	return map[string]map[string]call{
		"packetmq": {"typed": packetmqpeer.CallTyped, "call": packetmqpeer.Call, "go": packetmqpeer.Go,
			"room": packetmqpeer.Say, "topic": packetmqpeer.Say, "session": packetmqpeer.CallSession, "cut": packetmqpeer.Cut,
			"user": clusterpeer.User, "ask": clusterpeer.Ask, "across": clusterpeer.Say, "alone": clusterpeer.Say},
		"grpc":      {"raw": grpcpeer.Call, "call": grpcpeer.CallUnary},
		"ttrpc":     {"raw": ttrpcpeer.Call, "call": ttrpcpeer.CallTyped},
		"netrpc":    {"call": netrpcpeer.Call},
		"arpc":      {"call": arpcpeer.Call},
		"nats":      {"raw": natspeer.Call, "call": natspeer.CallTyped, "room": natspeer.Say, "user": clusterpeer.NATSUser, "ask": clusterpeer.NATSAsk},
		"natsfloor": {"user": clusterpeer.FloorUser, "ask": clusterpeer.FloorAsk},
		"limit": {"room": func(ctx context.Context, cfg caller.Config) (caller.Result, error) {
			return caller.Say(ctx, cfg, caller.Frames{})
		}},
		"melody":     {"room": melodypeer.Say},
		"centrifuge": {"room": centrifugepeer.Say},
	}
}

func callCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("call", flag.ContinueOnError)
	var cfg caller.Config
	cfg.Flags(fs)
	mode := fs.String("mode", "raw", "mode of the server: payloads for raw, structs for the others")
	modes, err := chosen(fs, args, calls(), std)
	if err != nil {
		return err
	}
	call, ok := modes[*mode]
	if !ok {
		return command.Usagef("there is no mode %q of %s; there are %s", *mode, args[0], names(modes))
	}
	in := bufio.NewReader(std.In)
	cfg.Ready = func() error {
		fmt.Fprintln(std.Out, "ready")
		_, err := in.ReadString('\n')
		return err
	}
	cfg.Done = func(res *caller.Result) error { return json.NewEncoder(std.Out).Encode(res) }
	res, err := call(ctx, cfg)
	if err != nil {
		return err
	}
	if res.Errors > 0 {
		return fmt.Errorf("%d errors, the first: %s", res.Errors, res.Problem)
	}
	return nil
}
