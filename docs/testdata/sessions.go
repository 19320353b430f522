// Package p declares what the snippets of sessions.md take for granted.
package p

import (
	"context"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

var (
	ctx      = context.Background()
	reg      = registry.New()
	srv      *peer.Server
	sessions *session.Sessions
	cli      *peer.Client
	text     = "hello"
	say      = registry.Define[string]("chat:say", 20)
	heard    = registry.Define[string]("chat:heard", 21)
)

type Player struct{}

var data []byte

func blobOf(*session.Session) []byte      { return nil }
func playerFrom([]byte) *Player           { return nil }
func sendToNextProcess(data []byte) error { return nil }
