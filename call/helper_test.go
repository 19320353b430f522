package call

// What tests of this package make calls between, and wait with.

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// ask and told are what most calls of tests carry.
type ask struct {
	N    int
	Text string
}

type told struct {
	N    int
	Text string
}

// the calls of tests, which both sides add.
var (
	double = Define[ask, told]("test:double", 40)
	reused = Define[ask, told]("test:reused", 42, registry.Reuse())
	other  = Define[ask, told]("test:other", 44)
	back   = Define[ask, told]("test:back", 46)

	poor    = DefineError("test:poor")
	missing = DefineErrorOf[shortage]("test:missing")
)

// shortage is the data of an error, and an error itself.
type shortage struct {
	Of   string
	Left int
}

func (s *shortage) Error() string { return "short of " + s.Of }

type (
	side  = peertest.Side
	world = peertest.World
)

func newSide(adapt bool) *side {
	s := peertest.NewSide(adapt)
	for _, p := range [][]registry.Definition{double.Packets(), reused.Packets(), other.Packets(), back.Packets()} {
		s.Reg.MustAdd(p...)
	}
	if err := AddErrors(s.Reg, poor, missing); err != nil {
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

// doubles answers with twice the number.
func doubles(_ *Context, q *ask) (*told, error) { return &told{2 * q.N, q.Text}, nil }

// outcome is what a function of Go was called with.
type outcome struct {
	a   *told
	err error
}

// goes makes a call by Go, and returns where its outcome comes.
func goes(c *peer.Conn, call Call[ask, told], q *ask) <-chan outcome {
	came := make(chan outcome, 2)
	Go(c, call, q, 0, func(a *told, err error) { came <- outcome{a, err} })
	return came
}

func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	return await.Value(t, what, ch)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}
