package peer

// The conns that have not finished their handshake, in the order in which they have
// to make room, and how long one of them may take for a step.

import (
	"container/list"
	"time"
)

// halfOpen is a socket whose handshake is not complete.
type halfOpen struct {
	admitted *admittedSocket
	end      func(error)
	why      error         // why it had to make room; nil: it had not
	heard    bool          // it has made a step
	since    time.Time     // when it came, or made its last step
	inAll    *list.Element // its place in admission.half
	inAddr   *list.Element // its place in the queues of its address
}

// halfOpenQueues keeps half-open sockets in two queues, those that have made no step yet
// and those that have, each in the order of the last step. Honest sockets leave both
// queues quickly, so the fuller queue is the one that a flood fills. The oldest socket
// of the fuller queue has to make room. The zero value is empty.
type halfOpenQueues struct{ silent, heard list.List }

func (q *halfOpenQueues) len() int { return q.silent.Len() + q.heard.Len() }

func (q *halfOpenQueues) queue(h *halfOpen) *list.List {
	if h.heard {
		return &q.heard
	}
	return &q.silent
}

// oldest is the socket of the fuller queue that has made no step for the longest time.
// It is nil if both queues are empty.
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

// How long a socket may take for a step before it can be the one to make room. With
// less, a machine that is busy with many honest sockets ends them in the middle of
// their handshake. With more, a flood makes newcomers wait. With 1,024 half-open
// sockets, newcomers beyond 10,000 a second wait for minGrace, beyond 2,500 a second
// for maxSilentGrace if the flood says nothing, and beyond 512 a second for
// maxHeardGrace if the flood begins handshakes, each of which costs it a TLS signature
// or a list of packets.
const (
	minGrace       = 100 * time.Millisecond
	maxSilentGrace = 400 * time.Millisecond // of a socket that has made no step
	maxHeardGrace  = 2 * time.Second        // of one that has: it may be waiting for this side
)

// stepTimes remembers how long slow steps take. The slow ones count, since steps are of
// several kinds: one that needs a signature takes longer than the others.
type stepTimes struct{ slowest time.Duration } // 0: nobody has made a step yet

// note takes a step into account. A slow step counts at once, and is forgotten after
// some hundreds of faster ones.
func (p *stepTimes) note(took time.Duration) {
	p.slowest = max(p.slowest-p.slowest/256, took, 1)
}

// grace is how long h may take for a step: four times what slow steps take, within
// bounds.
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
