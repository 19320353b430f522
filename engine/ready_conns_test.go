package engine

import (
	"slices"
	"testing"
)

// roundsOf has n rounds of q, and returns the conns that had a share in each; after it
// share is called.
func roundsOf(q *readyConns, n int, share func(c *Conn)) (rounds [][]*Conn) {
	for range n {
		q.shift()
		var round []*Conn
		for more := q.beginRound(); more && !q.roundIsOver(); {
			c := q.next()
			round = append(round, c)
			share(c)
		}
		rounds = append(rounds, round)
	}
	return rounds
}

// A round has each conn once, in order; of those with input left it has one a round.
func TestReadyConnsHaveRounds(t *testing.T) {
	var q readyConns
	a, b, c, d := new(Conn), new(Conn), new(Conn), new(Conn)
	for _, c := range []*Conn{a, b, c, a} { // a twice
		q.add(c)
	}
	rounds := roundsOf(&q, 5, func(x *Conn) {
		switch x {
		case a, b: // have more than their share brings, always
			q.addLater(x)
		case c: // makes d ready
			q.add(d)
		}
	})
	want := [][]*Conn{{a, b, c}, {d, a}, {b}, {a}, {b}}
	for i, round := range rounds {
		if !slices.Equal(round, want[i]) {
			t.Errorf("round %d has %d conns, or others than it should", i, len(round))
		}
	}
	if !q.any() {
		t.Error("nobody is ready, but two have input left")
	}
}

func TestReadyConnsTakeNoClosedOnes(t *testing.T) {
	var q readyConns
	c := &Conn{state: closed}
	q.add(c)
	q.addLater(c)
	if q.any() {
		t.Error("a conn that is closed is ready")
	}
}
