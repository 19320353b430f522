package peer

// The conns that have not finished their handshake, in the order in which they have
// to make room, and how long one of them may take for a step.

import (
	"container/list"
	"time"
)

// halfOpen is a guest whose handshake is not complete.
type halfOpen struct {
	admitted *admittedSocket
	end      func(error)
	why      error     // it had to make room because of this
	heard    bool      // it has said something that was understood
	since    time.Time // when it came, or made its last step
	inAll    *list.Element
	inAddr   *list.Element // among those of its address
}

// halfOpenQueues are half-open guests in two queues, those that have said nothing yet
// and those that have, each in the order of the last step. A flood fills one of
// the two, while those who mean it pass through: whoever has kept this side
// waiting for the longest, in the fuller queue, is the one to do without. The
// zero value is empty.
type halfOpenQueues struct{ silent, heard list.List }

func (q *halfOpenQueues) len() int { return q.silent.Len() + q.heard.Len() }

func (q *halfOpenQueues) queue(h *halfOpen) *list.List {
	if h.heard {
		return &q.heard
	}
	return &q.silent
}

// oldest is who has made no step for the longest, in the fuller queue. Nil if
// both are empty.
func (q *halfOpenQueues) oldest() *halfOpen {
	fuller := &q.silent
	if q.heard.Len() > fuller.Len() {
		fuller = &q.heard
	}
	if fuller.Len() == 0 {
		return nil
	}
	return fuller.Front().Value.(*halfOpen)
}

// How long a guest may take for a step before it can be the one to make room.
// With less, honest guests of a machine that is busy with many of them lose what
// they have done already; with more, a flood keeps the newcomers waiting: with
// 1,024 places, those beyond 10,000 a second wait for the least patience, beyond
// 2,500 for the most with a flood that says nothing, and beyond 512 with one that
// begins handshakes, each at the cost of a signature of TLS or a list of packets.
const (
	minGrace       = 100 * time.Millisecond
	maxSilentGrace = 400 * time.Millisecond // at most, with who has said nothing
	maxHeardGrace  = 2 * time.Second        // at most, with who has, and waited for this side meanwhile
)

// stepTimes is how long the slower ones of those take who make steps: steps are of
// several kinds, and one that takes a signature takes longer than the next.
type stepTimes struct{ slowest time.Duration } // 0: nobody has made a step yet

// note takes a step into account. A slow one counts at once, and is forgotten
// within some hundreds of quicker ones.
func (p *stepTimes) note(took time.Duration) {
	p.slowest = max(p.slowest-p.slowest/256, took, 1)
}

// grace is several times what a slow step takes, within bounds.
func (p *stepTimes) grace(h *halfOpen) time.Duration {
	most := maxSilentGrace
	if h.heard {
		most = maxHeardGrace
	}
	if p.slowest == 0 {
		return most
	}
	return min(max(4*p.slowest, minGrace), most)
}
