// Package p declares what the snippets of middleware.md take for granted.
package p

import (
	"log/slog"
	"sync/atomic"

	"github.com/packetmq/packetmq/middleware"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Upload struct{ Name string }

var (
	upload = registry.Define[Upload]("app:upload", 17)
	failed atomic.Uint64
)

func onUpload(*peer.Conn, *Upload) error         { return nil }
func mayUpload(*peer.Conn, *registry.Type) error { return nil }
