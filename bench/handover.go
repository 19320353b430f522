package bench

// The offer of a server to hand over to the next process.

import (
	"strconv"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/restart"
)

// handOverTime bounds a hand-over: short, so that one that hangs is soon over.
const handOverTime = time.Second

// offerHandOver offers to hand the listeners over at a path. Close ends that.
func offerHandOver(path string, listeners []*engine.Listener) (*restart.Restart, error) {
	r, err := restart.New(&restart.Config{Path: path, Time: handOverTime})
	if err != nil {
		return nil, err
	}
	var all []restart.Listener
	for i, ln := range listeners {
		all = append(all, restart.Listener{Name: strconv.Itoa(i), Listener: ln})
	}
	if err := r.Offer(all...); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
