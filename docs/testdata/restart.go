// Package p declares what the snippets of restart.md take for granted.
package p

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/restart"
)

var (
	srv    *peer.Server
	cfg    peer.Config
	ctx    = context.Background()
	states []restart.State
	_      = log.Print
	_      = errors.Is
	_      = time.Second
	_      *engine.Listener
)

func isOurs(from, to string) bool { return from != to }
