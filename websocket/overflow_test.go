package websocket_test

import (
	"testing"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/registry"
)

// What may be dropped waits in the conn and not in the transport, which must not keep the
// handshakes from getting through.
func TestConnsThatDropTheOldest(t *testing.T) {
	newSide := func(adapt bool) *peertest.Side {
		side := peertest.NewSide(adapt)
		side.Cfg.Overflow = registry.DropOldest
		return side
	}
	peertest.Everywhere(t, newSide, func(*peertest.World) {}, func(*testing.T, *peertest.World) {})
}
