package request

// What tests of this package ask between, and wait with.

import (
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/registry"
)

var (
	lobbies = Define("test:rooms", 40)
	prices  = Define("test:prices", 44)
	news    = registry.Define[string]("test:news", 48)

	closed = call.DefineError("test:closed") // of the program
)

type (
	side  = peertest.Side
	world = peertest.World
)

func newSide(adapt bool) *side {
	s := peertest.NewSide(adapt, lobbies.Packets()...)
	s.Reg.MustAdd(append(prices.Packets(), news)...)
	if err := call.AddErrors(s.Reg, closed); err != nil {
		panic(err)
	}
	return s
}

// everywhere runs a test over every transport. setUp gives the peers their handlers.
func everywhere(t *testing.T, setUp func(w *world), test func(t *testing.T, w *world)) {
	t.Helper()
	peertest.Everywhere(t, newSide, setUp, test)
}

// couple is a world in memory whose sides each have a loop of their own.
func couple(t *testing.T, setUp func(w *world)) *world {
	t.Helper()
	leak.Check(t)
	return peertest.OverMemory(false)(t, newSide(false), newSide(true), setUp)
}

// everything lets everybody join everything.
func everything(*call.Context, string) error { return nil }

func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	return await.Value(t, what, ch)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}
