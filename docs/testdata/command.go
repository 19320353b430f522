// Package p declares what the snippets of command.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

var (
	_ = registry.New
	_ = call.DefineError
)
