package engine

// The account of all input that is kept because it is not whole or not handled yet, and
// which conns end when it is overdrawn.

import (
	"math/bits"
	"sync/atomic"
)

// Kept is what is kept of a conn's input because it is not whole yet, or because
// the conn had its share of the turn: memory that the other side makes grow at no
// cost of its own. All of a reactor's is one account, Config.MaxTotalInput. The
// zero value is nothing. It belongs to the conn's loop.
type Kept struct {
	c          *Conn
	n          int
	since      int64 // when it came to its class, on the clock of keeping
	prev, next *Kept // in the list of its class; the first one has no prev
	class      uint8
}

// Keep says that n bytes of memory are kept in k for input of the conn: by its
// handler, for a message of which the rest has not come. 0 gives them back; the
// handler's Closed must. When the account is overdrawn the conns pay that keep the
// most and progress the least: they end with ErrInput. On the loop only.
func (c *Conn) Keep(k *Kept, n int) {
	if n == k.n {
		return
	}
	l := c.loop
	l.mustBeHere("Conn.Keep")
	if c.state == closed || c.requests.Load()&askAbort != 0 {
		n = 0 // its memory goes with it
	}
	k.c = c
	if l.kept.set(k, n, &l.r.input); n > 0 {
		l.r.lighten()
	}
	if l.r.input.Load() > int64(l.r.cfg.MaxTotalInput) {
		l.r.balanceInput(l)
	}
}

// keeping is all that a loop's conns keep, by size: a class for each doubling. In
// a class whoever has come to it first has gone without doubling for the longest.
type keeping struct {
	total   atomic.Int64 // any goroutine may read it
	clock   int64        // bytes by which anything has grown: time, as far as that matters here
	asked   atomic.Bool  // to end some of them
	classes [64]struct{ first, last *Kept }
}

// set has k be of n bytes.
func (q *keeping) set(k *Kept, n int, all *atomic.Int64) {
	all.Add(int64(n - k.n))
	q.total.Add(int64(n - k.n))
	q.clock += int64(max(n-k.n, 0))
	class := uint8(bits.Len(uint(n)))
	if k.class != class {
		if k.class != 0 {
			q.unlink(k)
		}
		if k.class = class; class != 0 {
			q.link(k)
		}
	}
	k.n = n
}

func (q *keeping) link(k *Kept) {
	l := &q.classes[k.class-1]
	k.since = q.clock
	k.prev, k.next = l.last, nil
	if l.last != nil {
		l.last.next = k
	} else {
		l.first = k
	}
	l.last = k
}

func (q *keeping) unlink(k *Kept) {
	l := &q.classes[k.class-1]
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		l.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		l.last = k.prev
	}
	k.prev, k.next = nil, nil
}

// first is who is to pay first: who keeps much, for long. One that grows beside
// others that do not is not the one, though it may be the largest.
func (q *keeping) first() (k *Kept) {
	most := -1.0
	for _, class := range q.classes {
		if c := class.first; c != nil && q.weight(c) > most {
			k, most = c, q.weight(c)
		}
	}
	return k
}

// weight is how much k keeps, times how much has come since it has doubled, its own
// size included.
func (q *keeping) weight(k *Kept) float64 {
	return float64(k.n) * float64(q.clock-k.since+int64(k.n))
}

// shedMore is which part of the bound is freed beyond what is overdrawn, as a divisor,
// so that the next conn to grow does not call for it again. A larger part ends more
// conns in a row, each of which takes the loop a tenth of a millisecond.
const shedMore = 64

// shed ends conns until all is balanced with limit, and a part more.
func (q *keeping) shed(all *atomic.Int64, limit int64) {
	q.asked.Store(false)
	for all.Load() > limit-limit/shedMore {
		k := q.first()
		if k == nil {
			return
		}
		c := k.c
		q.set(k, 0, all)
		c.Abort(ErrInput)
	}
}

// balanceInput has the loop whose conns keep the most end some of them, when the account is
// overdrawn. The loop that drew last, which is the calling one, need not be the one that has
// drawn the most.
func (r *Reactor) balanceInput(drew *Loop) {
	limit := int64(r.cfg.MaxTotalInput)
	most := drew
	for _, other := range r.loops {
		if other.kept.total.Load() > most.kept.total.Load() {
			most = other
		}
	}
	switch {
	case most == drew:
		most.kept.shed(&r.input, limit)
	case !most.kept.asked.Swap(true):
		most.Post(func() { most.kept.shed(&r.input, limit) })
	}
}
