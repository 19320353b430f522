// Package p declares what the snippets of inspect.md take for granted.
package p

import (
	"context"
	"log"
	"log/slog"
	"net/http"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

var (
	srv   *peer.Server
	ctx   context.Context
	rooms *room.Rooms
)

// Player is what the program keeps with a conn.
type Player struct{ Name string }

func onlyOperators(r *http.Request) error { return nil }
