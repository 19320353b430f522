package engine

// The watchdog, which reports callbacks that do not return.

import (
	"log/slog"
	"time"
)

// watchForStuckCallbacks looks at the loops four times in StuckAfter, and reports each callback
// that holds one up for longer, once, with where it is. It ends with the
// reactor.
func (r *Reactor) watchForStuckCallbacks() {
	tick := time.NewTicker(max(r.cfg.StuckAfter/4, time.Millisecond))
	defer tick.Stop()
	type sight struct {
		turns    uint64
		since    time.Time
		reported bool
	}
	seen := make([]sight, len(r.loops))
	for {
		select {
		case <-r.done:
			return
		case <-tick.C:
		}
		for i, l := range r.loops {
			s := &seen[i]
			turns := l.inbox.callbacks.Load()
			if turns != s.turns || turns%2 == 0 { // a parked loop is in no callback
				*s = sight{turns: turns, since: time.Now()}
				continue
			}
			if d := time.Since(s.since); d >= r.cfg.StuckAfter && !s.reported {
				s.reported = true
				r.reportStuck(l, d)
			}
		}
	}
}

func (r *Reactor) reportStuck(l *Loop, d time.Duration) {
	stack := l.goroutine.stack()
	r.log(slog.LevelError, "loop is stuck in a callback", "loop", l.index, "for", d, "stack", string(stack))
	if f := r.cfg.OnStuck; f != nil {
		go r.call(func() { f(l, stack) })
	}
}
