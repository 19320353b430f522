package room

// What tests of this package send between, and wait with.

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/registry"
)

// note is what the tests send.
type note struct{ N int }

var news = registry.Define[note]("test:news", 40)

type (
	side  = peertest.Side
	world = peertest.World
)

func newSide(adapt bool) *side { return peertest.NewSide(adapt, news) }

// everywhere runs a test over every transport. setUp gives the peers their handlers.
func everywhere(t *testing.T, setUp func(w *world), test func(t *testing.T, w *world)) {
	t.Helper()
	peertest.Everywhere(t, newSide, setUp, test)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}
