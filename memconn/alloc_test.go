package memconn_test

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// rally is a pair whose sides send one message to and fro, so many rounds at
// each call of play.
type rally struct {
	at   *ends
	a, b *side
	left int // rounds, the loop's
	ball []byte
	hit  func()
	over chan struct{}
}

func newRally(tb testing.TB, p place, size int) *rally {
	r := &rally{at: p.start(tb, engine.Config{}), ball: make([]byte, size), over: make(chan struct{}, 1)}
	r.hit = func() { write(&r.a.Conn, r.ball) }
	r.a = &side{received: func(c *engine.Conn, b []byte) int {
		if r.left--; r.left == 0 {
			r.over <- struct{}{}
			return len(b)
		}
		return echo(c, b)
	}}
	r.b = &side{received: echo}
	r.at.connect(tb, r.a, r.b)
	settle(tb, r.at.la)
	settle(tb, r.at.lb)
	return r
}

func (r *rally) play(rounds int) {
	r.left = rounds // no message is on its way
	r.at.la.Post(r.hit)
	<-r.over
}

func TestRoundTripAllocatesNothing(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector makes sync.Pool forget, and allocate; the debug build allocates")
	}
	const rounds = 1000
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			r := newRally(t, p, 64)
			r.play(rounds)
			// Not a single one in a thousand rounds.
			if n := testing.AllocsPerRun(50, func() { r.play(rounds) }); n >= 1 {
				t.Errorf("%v allocations in %d round trips, want none", n, rounds)
			}
		})
	}
}
