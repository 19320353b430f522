package main

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
)

type call func(ctx context.Context, cfg caller.Config) (caller.Result, error)

func calls() map[string]call {
	return map[string]call{
		"grpc":  grpcpeer.Call,
		"ttrpc": ttrpcpeer.Call,
		"nats":  natspeer.Call,
	}
}

func callCommand(ctx context.Context, args []string, std stdio) error {
	name, args := split(args)
	fs := flag.NewFlagSet("call", flag.ContinueOnError)
	var cfg caller.Config
	cfg.Flags(fs)
	about := "NAME [flags], NAME being one of " + names(calls())
	if err := parse(fs, args, 0, 0, about, std); err != nil {
		return err
	}
	call, ok := calls()[name]
	if !ok {
		return usageErrorf("there is no caller %q; there are %s", name, names(calls()))
	}
	in := bufio.NewReader(std.in)
	cfg.Ready = func() error {
		fmt.Fprintln(std.out, "ready")
		_, err := in.ReadString('\n')
		return err
	}
	res, err := call(ctx, cfg)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(std.out).Encode(&res); err != nil {
		return err
	}
	if res.Errors > 0 {
		return fmt.Errorf("%d errors, the first: %s", res.Errors, res.Problem)
	}
	return nil
}
