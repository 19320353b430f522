package main

// The command call: the load of a server with a protocol of its own.

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/bench/versus/ttrpcpeer"
	"github.com/packetmq/packetmq/internal/command"
)

type call func(ctx context.Context, cfg caller.Config) (caller.Result, error)

func calls() map[string]call {
	return map[string]call{
		"grpc":  grpcpeer.Call,
		"ttrpc": ttrpcpeer.Call,
		"nats":  natspeer.Call,
	}
}

func callCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("call", flag.ContinueOnError)
	var cfg caller.Config
	cfg.Flags(fs)
	call, err := chosen(fs, args, calls(), std)
	if err != nil {
		return err
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
