package engine

// The conns of a loop whose transports have output that they could not send: how they are
// looked at until it is gone, and which are ended when it takes too much memory.

import (
	"cmp"
	"slices"
	"time"
)

const (
	// recheckEvery is how often a conn is looked at whose transport has a backlog and
	// tells nobody when it can send more. What waits may wait for so much longer than it
	// must. Less costs more CPU time for each slow conn.
	recheckEvery = 5 * time.Millisecond

	// watchedEvery is the same for transports that tell, for its times alone.
	watchedEvery = Tick
)

// backlogSender is a transport that the loop can ask, at any time, to send what waits.
type backlogSender interface {
	// move sends what can be sent at once.
	sendBacklog()
	// watches reports whether the conn is woken when more can be sent.
	tellsWritable() bool
}

// backlogs are the conns of a loop whose transports have output that they could not send.
// Loop only.
type backlogs struct {
	timers  *timers // set once
	polled  lookout // conns whose transport tells nobody when it can send more
	watched lookout // those whose transport tells
	memory  int     // that all of them take, in bytes, without what is shared
	shared  int     // bytes of shared payloads in all of them
	crowded bool    // conns are to be ended, because those of all loops together take too much
}

// lookout is conns that are looked at again and again, as long as their transports
// have a backlog.
type lookout struct {
	conns []*Conn
	timer *Timer // nil: there are none
}

// lookAfter has c looked at again and again.
func (q *backlogs) lookAfter(c *Conn) {
	on, every := &q.polled, recheckEvery
	if m, ok := c.tr.(backlogSender); ok && m.tellsWritable() {
		on, every = &q.watched, watchedEvery
	}
	on.conns = append(on.conns, c)
	if on.timer == nil {
		on.timer = q.timers.everyHidden(every, on.look)
	}
}

// look looks at the conns.
func (o *lookout) look() {
	for i := 0; i < len(o.conns); {
		c := o.conns[i]
		if m, ok := c.tr.(backlogSender); ok && c.state != closed {
			m.sendBacklog()
		}
		if !c.recheckBacklog() {
			i++
			continue
		}
		// Taken out one by one, since a Wrapper's transport may have called Goexit.
		c.flags.unset(inLookout)
		last := len(o.conns) - 1
		o.conns[i] = o.conns[last]
		o.conns[last] = nil
		o.conns = o.conns[:last]
	}
	if len(o.conns) == 0 {
		o.timer.Stop()
		o.timer = nil
	}
}

// endLargest ends conns, those first for which the most waits, until no more than most bytes
// wait on the loop. Shared payloads belong to no loop: for them, it ends conns until crowded
// reports false, or none waits on this one. It sorts, which is once for an eighth of
// Config.MaxTotalPending.
func (q *backlogs) endLargest(most int, crowded func() bool) {
	over := func() bool { return q.memory > most || q.shared > 0 && crowded() }
	if !over() {
		return
	}
	all := slices.Concat(q.polled.conns, q.watched.conns)
	slices.SortFunc(all, func(a, b *Conn) int { return cmp.Compare(b.backlogMemory(), a.backlogMemory()) })
	for _, c := range all {
		if !over() {
			return
		}
		c.endNow(ErrSlowConsumer)
	}
}

// clear forgets all of them. Their timers have been taken out.
func (q *backlogs) clear() { *q = backlogs{timers: q.timers} }

// backlogMemory is how much memory the conn's backlog takes, shared payloads included.
func (c *Conn) backlogMemory() int {
	if s := c.slow.Load(); s != nil {
		return s.counted + s.shared
	}
	return 0
}
