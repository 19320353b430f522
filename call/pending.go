package call

// The calls of one side of a conn that wait for their answers. There is no input and
// output here, and no lock.

import (
	"math"
	"time"
)

// never is the deadline of a call that has none of its own.
const never = time.Duration(math.MaxInt64)

// waiting is what a call tells of its end, other than by its answer.
type waiting interface{ fail(err error) }

// pendingCall is a place for one call after the other.
type pendingCall struct {
	id       uint64 // of the call that has the place, or had it last; 0: none yet
	waits    waiting
	call     any           // the definition; nil while the place is free
	deadline time.Duration // on the loop's clock
	answered bool          // the last one was answered
	nextFree uint16        // the place that is free after this one
}

// slotBits are the bits of an id that say which place its call has. The others count the
// calls that had the place, so no id is ever used again, and is as short as can be.
const slotBits = 16

// pendingCalls are the calls under way. The first place is never used, so that no id is 0.
type pendingCalls struct {
	places []pendingCall
	free   uint16 // the first free place; 0: none
	n      int    // calls under way
}

// add takes a call in, and returns its id. There must be fewer than MaxUnderWay.
func (p *pendingCalls) add(call any, w waiting, deadline time.Duration) (id uint64) {
	slot := p.free
	if slot == 0 {
		if len(p.places) == 0 {
			p.places = make([]pendingCall, 1, 4)
		}
		slot = uint16(len(p.places))
		p.places = append(p.places, pendingCall{})
	}
	c := &p.places[slot]
	p.free, c.nextFree = c.nextFree, 0
	if c.id == 0 {
		c.id = uint64(slot)
	} else {
		c.id += 1 << slotBits
	}
	c.call, c.waits, c.deadline, c.answered = call, w, deadline, false
	p.n++
	return c.id
}

// lookup is the place that an id is of, or nil.
func (p *pendingCalls) lookup(id uint64) *pendingCall {
	slot := id & (1<<slotBits - 1)
	if slot == 0 || slot >= uint64(len(p.places)) || p.places[slot].id != id {
		return nil
	}
	return &p.places[slot]
}

// take takes a call out.
func (p *pendingCalls) take(c *pendingCall, answered bool) waiting {
	w := c.waits
	slot := uint16(c.id & (1<<slotBits - 1))
	c.call, c.waits, c.answered = nil, nil, answered
	c.nextFree, p.free = p.free, slot
	p.n--
	return w
}

// takeDue takes out the calls whose deadline is not after now. The next deadline of those
// that are left is never if they have none.
func (p *pendingCalls) takeDue(due []waiting, now time.Duration) (_ []waiting, next time.Duration) {
	next = never
	if p.n == 0 {
		return due, next
	}
	for i := range p.places {
		switch c := &p.places[i]; {
		case c.call == nil:
		case c.deadline <= now:
			due = append(due, p.take(c, false))
		default:
			next = min(next, c.deadline)
		}
	}
	return due, next
}
