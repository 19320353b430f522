package caller

import "sync/atomic"

// circle keeps a number of packets under way: as one is answered, the next is
// due, on the next of its conns.
type circle struct {
	round *round
	dues  []chan int64
	next  atomic.Uint64
	left  atomic.Int64
}

// newCircle makes n packets due now, and closes dues once none is under way any
// more. Each of dues has room for n.
func newCircle(r *round, n int, dues ...chan int64) *circle {
	c := &circle{round: r, dues: dues}
	c.left.Store(int64(n))
	for range n {
		c.due()
	}
	if n == 0 {
		c.close()
	}
	return c
}

func (c *circle) due() {
	i := c.next.Add(1) % uint64(len(c.dues))
	c.dues[i] <- c.round.now()
}

// again is called after each packet. A broken conn gets no more in its place.
func (c *circle) again(broken bool) {
	if !broken && !c.round.ending.Load() {
		c.due()
		return
	}
	if c.left.Add(-1) == 0 {
		c.close()
	}
}

func (c *circle) close() {
	for _, due := range c.dues {
		close(due)
	}
}
