package engine

// The conns that have input left.

import "github.com/packetmq/packetmq/internal/ringbuf"

// readyConns are the conns of a loop that wait for a share of a turn, because they have
// input left. They have their shares in rounds, in order. One that has input left
// after its share waits in later, and each round takes one of those in: however many
// conns bring more than a share, one that brings less waits for no more than one of
// them. Loop only.
type readyConns struct {
	list  []*Conn
	later ringbuf.Ring[*Conn]
	size  int // of the round: so many at the front of list have their share in it
	had   int // how many of these have had it

	long    bool // a share was of long input, which may have taken long
	relayed bool // they are to have their shares at the end of the callback that is under way
}

// add gives c a share of a coming turn.
func (q *readyConns) add(c *Conn) {
	if !c.flags.has(inReady) && c.state != closed {
		c.flags.set(inReady)
		q.list = append(q.list, c)
	}
}

// addLater gives c, which had a share and has input left, another one.
func (q *readyConns) addLater(c *Conn) {
	if !c.flags.has(inReady) && c.state != closed {
		c.flags.set(inReady)
		q.later.Push(c)
	}
}

// any reports whether a conn waits for a share.
func (q *readyConns) any() bool { return q.had < len(q.list) || q.later.Len() > 0 }

// waiting is how many conns wait for a share.
func (q *readyConns) waiting() int { return len(q.list) - q.had + q.later.Len() }

// roundIsOver reports whether all of the round have had their share.
func (q *readyConns) roundIsOver() bool { return q.had == q.size }

// shift takes out those that had their share, and adds one of those in later.
func (q *readyConns) shift() {
	n := 0
	if q.had < len(q.list) {
		n = copy(q.list, q.list[q.had:])
		clear(q.list[n:])
	}
	q.list, q.had, q.size = q.list[:n], 0, 0
	if c, ok := q.later.Pop(); ok {
		q.list = append(q.list, c)
	}
}

// beginRound has a round of all that are in the list now. It reports whether there are
// any.
func (q *readyConns) beginRound() bool {
	q.size = len(q.list)
	return q.size > 0
}

// next takes out the conn that is to have its share now. The round is not over.
func (q *readyConns) next() *Conn {
	c := q.list[q.had]
	q.list[q.had] = nil
	q.had++
	c.flags.unset(inReady)
	return c
}

// takeRelayed reports whether relayed is set, and takes it back.
func (q *readyConns) takeRelayed() bool {
	relayed := q.relayed
	q.relayed = false
	return relayed
}

// takeLong reports whether long is set, and takes it back.
func (q *readyConns) takeLong() bool {
	long := q.long
	q.long = false
	return long
}
