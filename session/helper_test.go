package session

// What tests of this package send between, and wait with.

import (
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// note is what the tests send.
type note struct{ N int }

var (
	news  = registry.Define[note]("test:news", 40)
	plain = registry.Define[note]("test:plain", 41)
)

type (
	side  = peertest.Side
	world = peertest.World
)

func newSide(adapt bool) *side { return peertest.NewSide(adapt, news, plain) }

// events is what happened to a session, in order.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, what)
}

func (e *events) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.list...)
}

// ends is what OnEnd was called with.
type ends struct {
	s       *Session
	reason  error
	unacked []Packet
}

func numbers(t testing.TB, packets []Packet) (all []int) {
	t.Helper()
	for _, p := range packets {
		v, err := Decode(p, news)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v.N)
	}
	return all
}

func send(t testing.TB, s *Session, n int) {
	t.Helper()
	if err := Send(s, news, &note{n}); err != nil {
		t.Fatalf("send %d: %v", n, err)
	}
}

// wantSequence receives first to last, in order.
func wantSequence(t testing.TB, got <-chan int, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		if v := await.Value(t, "packet", got); v != n {
			t.Fatalf("got %d, want %d", v, n)
		}
	}
}

// everywhere runs a test over every transport. setUp gives the peers their handlers.
func everywhere(t *testing.T, setUp func(w *world), test func(t *testing.T, w *world)) {
	t.Helper()
	peertest.Everywhere(t, newSide, setUp, test)
}

func handleNews(h peer.Host, got chan<- int) {
	peer.Handle(h, news, func(_ *peer.Conn, v *note) error { got <- v.N; return nil })
}

func engineLoops(n int) *engine.Config { return &engine.Config{Loops: n} }
