// Package p declares what the snippets of browsers.md take for granted.
package p

import (
	"net/http"
	"sync"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/websocket"
)
