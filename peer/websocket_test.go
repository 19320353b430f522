package peer_test

// The tests of every transport use WebSocket too.

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

var _ = peer.SetWebSocket(func(h peer.SocketHost) error { return websocket.Enable(h, nil) })
