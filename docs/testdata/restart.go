// Package p declares what the snippets of restart.md take for granted.
package p

import (
	"context"
	"log"
	"time"

	"github.com/packetmq/packetmq/peer"
)

var (
	srv *peer.Server
	cfg peer.Config
	_   = log.Print
	_   = context.Background
	_   = time.Second
)

func isOurs(from, to string) bool { return from != to }
