// Package p declares what the snippets of websocket.md take for granted.
package p

import (
	"context"
	"net/http"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

var (
	ctx context.Context
	srv *peer.Server
	cli *peer.Client
)

var (
	_ http.Handler
	_ *websocket.Config
)
