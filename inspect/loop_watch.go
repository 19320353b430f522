package inspect

// How busy the loops are. They are watched while somebody looks, and for a while after.

import (
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

const (
	// watchedFor is how long a loop is watched after a look: longer than from one scrape of
	// Prometheus to the next.
	watchedFor = 2 * time.Minute

	// longestFor is how long a longest callback is remembered, once or twice that.
	longestFor = 30 * time.Second
)

// loopWatch watches one loop. Loop only.
type loopWatch struct {
	loop *engine.Loop
	peer *peer.Peer
	stop func() // nil: it does not watch

	looked  time.Time     // when somebody looked last
	busy    time.Duration // in callbacks since then
	packets uint64        // that had come before the callback under way

	allBusy, allWatched time.Duration // since the first look

	longest, before longestCallback // of this stretch of longestFor, and of the one before
	since           time.Time       // when this stretch began
}

// longestCallback is the longest callback of a stretch of time.
type longestCallback struct {
	took   time.Duration
	packet string
}

// look tells how busy the loop was since the last look, or -1 if it was not watched, and begins
// to watch it. now is the time of the look.
func (w *loopWatch) look(now time.Time) (busy float64, longest longestCallback) {
	busy = -1
	if passed := now.Sub(w.looked); w.stop != nil && passed > 0 {
		busy = min(w.busy.Seconds()/passed.Seconds(), 1)
		w.allBusy += w.busy
		w.allWatched += passed
	}
	w.looked, w.busy = now, 0
	if w.stop == nil {
		_, w.packets = w.peer.LastPacket(w.loop)
		w.since, w.longest, w.before = now, longestCallback{}, longestCallback{}
		w.stop = w.loop.Watch(w.ended)
	}
	longest = w.longest
	if w.before.took > longest.took {
		longest = w.before
	}
	return busy, longest
}

// ended is called at the end of each callback.
func (w *loopWatch) ended(took time.Duration) {
	w.busy += took
	last, packets := w.peer.LastPacket(w.loop)
	if took > w.longest.took {
		w.longest = longestCallback{took: took}
		if packets != w.packets && last != nil {
			w.longest.packet = last.Name()
		}
	}
	w.packets = packets
	now := time.Now()
	if now.Sub(w.since) > longestFor {
		w.before, w.longest, w.since = w.longest, longestCallback{}, now
	}
	if now.Sub(w.looked) > watchedFor {
		w.stop()
		w.stop = nil
	}
}
