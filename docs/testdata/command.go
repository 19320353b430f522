// Package p declares what the snippets of command.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type shop struct{ srv *peer.Server }

func newShop(cfg *peer.Config) shop { return shop{peer.NewServer(registry.New(), cfg)} }

var (
	_ = registry.New
	_ = call.DefineError
	_ capture.Program
	_ *engine.Reactor
)
