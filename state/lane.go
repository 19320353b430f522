package state

// lane: the ticks of a State's readers on one loop.

import (
	"time"

	"github.com/packetmq/packetmq/engine"
)

const (
	// maxPhases is into how many moments of a tick's period the readers are spread at most.
	// More wake the loop more often; fewer have more readers served at once.
	maxPhases = 8

	// groupSize is how many readers of a State have one phase before the next one is used.
	// More share what is copied for one of them; fewer are spread better where a loop has one
	// State only.
	groupSize = 32
)

// grid is how many readers a loop has in each phase, of all States of one frequency. Loop only.
type grid [maxPhases]int

// lane is the readers of a State on one loop. A reader has its phase, in which it is served
// once a period. The moments are the same for all States of one frequency, so that a loop
// wakes up once for all of them. A lane whose readers have been told everything has no timer.
type lane struct {
	// Set once.
	source *source
	loop   *engine.Loop
	grid   *grid
	step   time.Duration // from one moment to the next

	// Loop only.
	phases [maxPhases][]*feed
	served int64 // the last moment that was
	news   *news // what readers are told that were told the same before; nil: no phase is being served

	// Guarded by source.mu.
	readers int
	used    uint8 // phases with readers, a bit for each
	timer   *engine.Timer
	armed   bool
	stirred bool   // there is something to do besides changes
	version uint64 // of the table, when it was last looked at
	until   int64  // the moment from which there is nothing to do, unless something changes
	slept   int64  // the last moment that was when the timer was set after a time without: none are made up for
}

func newLane(s *source, loop *engine.Loop) *lane {
	return &lane{source: s, loop: loop, grid: s.host.grid(loop, s.period), step: s.period / time.Duration(s.phases)}
}

// moment is the number of the last moment before now.
func (l *lane) moment(now time.Duration) int64 { return int64(now / l.step) }

// stir has all readers looked at in the next period. source.mu is held.
func (l *lane) stir() {
	l.stirred = true
	l.wake()
}

// wake sets the timer, if there is none. source.mu is held.
func (l *lane) wake() {
	if l.armed || l.readers == 0 {
		return
	}
	l.armed = true
	l.source.asleep--
	now := l.loop.Time()
	l.slept = l.moment(now)
	l.until = l.slept + 1 + l.source.phases
	l.arm(now)
}

// arm sets the timer to the next moment in which there are readers to serve. source.mu is held.
func (l *lane) arm(now time.Duration) {
	next := l.moment(now) + 1
	for l.used != 0 && l.used>>(next%l.source.phases)&1 == 0 {
		next++
	}
	in := time.Duration(next)*l.step - now
	if l.timer == nil {
		l.timer = l.loop.After(in, l.fire)
	} else {
		l.timer.Reset(in)
	}
}

// fire serves the readers whose moment has come, those of moments that were missed too.
func (l *lane) fire() {
	now := l.loop.Time()
	moment, n := l.moment(now), l.source.phases
	more := false
	for m := max(l.since()+1, moment-n+1); m <= moment; m++ {
		if l.serve(&l.phases[m%n], now) {
			more = true
		}
	}
	l.served = moment
	l.rest(moment, more)
}

// serve has all readers of a phase told what they lack. more is true if one is to be looked at
// again although nothing changes.
func (l *lane) serve(phase *[]*feed, now time.Duration) (more bool) {
	if len(*phase) == 0 {
		return false
	}
	l.news = newNews()
	defer func() {
		l.news.release()
		l.news = nil
	}()
	for i := len(*phase) - 1; i >= 0; i-- { // from the end, since a tick may end a feed, whose place another one takes
		if i < len(*phase) && (*phase)[i].tick(now) {
			more = true
		}
	}
	return more
}

// since is the last moment that is over. Those in which there was no timer are, so that the
// first change after a time without does not have all readers served at once.
func (l *lane) since() int64 {
	l.source.mu.Lock()
	defer l.source.mu.Unlock()
	return max(l.served, l.slept)
}

// rest sets the timer again unless all readers have been looked at since something changed.
func (l *lane) rest(moment int64, more bool) {
	s := l.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if more || l.stirred || l.version != s.table.version {
		l.stirred, l.version = false, s.table.version
		l.until = moment + s.phases
	}
	if moment < l.until && l.readers > 0 {
		l.arm(l.loop.Time())
		return
	}
	l.armed = false
	if l.readers > 0 {
		s.asleep++
	}
}

// add gives a feed its phase. On the loop.
func (l *lane) add(f *feed) {
	f.phase = l.nextPhase()
	l.grid[f.phase]++
	phase := &l.phases[f.phase]
	f.place = len(*phase)
	*phase = append(*phase, f)

	l.source.mu.Lock()
	defer l.source.mu.Unlock()
	l.used |= 1 << f.phase
	if l.readers++; l.readers == 1 && !l.armed {
		l.source.asleep++
	}
	l.stir()
}

// nextPhase is the phase for one more reader: one that has some and is no whole group, else
// one of those that have the fewest, of this State and then of all on the loop.
func (l *lane) nextPhase() (next int64) {
	for i := range l.source.phases {
		n, least := len(l.phases[i]), len(l.phases[next])
		switch {
		case n > 0 && n < groupSize:
			return i
		case n < least, n == least && l.grid[i] < l.grid[next]:
			next = i
		}
	}
	return next
}

// remove takes a feed out. On the loop.
func (l *lane) remove(f *feed) {
	l.grid[f.phase]--
	phase := &l.phases[f.phase]
	last := len(*phase) - 1
	moved := (*phase)[last]
	(*phase)[f.place], moved.place = moved, f.place
	(*phase)[last] = nil
	*phase = (*phase)[:last]

	l.source.mu.Lock()
	defer l.source.mu.Unlock()
	if len(*phase) == 0 {
		l.used &^= 1 << f.phase
	}
	if l.readers--; l.readers == 0 && !l.armed {
		l.source.asleep--
	}
}
