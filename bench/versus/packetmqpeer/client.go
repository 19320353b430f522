package packetmqpeer

// The client of all modes: one loop, whatever the number of conns.

import (
	"log/slog"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// newClient makes a client that runs. It takes over the ids of the server.
func newClient(events peer.Events, packets ...registry.Definition) (*peer.Client, error) {
	return newClientOf(&peer.Config{Events: events}, packets...)
}

// newClientOf is newClient with more that can be set.
func newClientOf(cfg *peer.Config, packets ...registry.Definition) (*peer.Client, error) {
	reg := registry.NewAdapting()
	if err := reg.Add(packets...); err != nil {
		return nil, err
	}
	cfg.Engine, cfg.Logger = &engine.Config{Loops: 1}, slog.New(slog.DiscardHandler)
	cli := peer.NewClient(reg, cfg)
	if err := cli.RunAsync(); err != nil {
		cli.Close()
		return nil, err
	}
	return cli, nil
}
