package peer

// How old conns are. A Conn has no room for a time: it fills its size class. Ids are given out
// in order, so the peer remembers when some of them were: all that came lately, and fewer the
// older they are.

import (
	"sort"
	"time"
)

const (
	maxBirths = 256                    // 4 KiB; with twice as many the ages are twice as exact
	birthStep = 100 * time.Millisecond // two that are remembered are at least so far apart
)

// births are when conns were made, by the reactor's clock. The zero value is empty.
type births struct{ list []birth }

type birth struct {
	id uint64
	at time.Duration
}

// note notes that the conn with this id is made now. Ids come in order.
func (b *births) note(id uint64, now time.Duration) {
	n := len(b.list)
	if n > 0 && now-b.list[n-1].at < birthStep {
		return
	}
	if n == maxBirths {
		b.thin(now)
	}
	b.list = append(b.list, birth{id, now})
}

// thin forgets the one whose neighbours are closest together, as a part of its age.
func (b *births) thin(now time.Duration) {
	least, at := 0.0, 0
	for i := 1; i < len(b.list)-1; i++ {
		gap := float64(b.list[i+1].at-b.list[i-1].at) / float64(now-b.list[i-1].at)
		if at == 0 || gap < least {
			least, at = gap, i
		}
	}
	b.list = append(b.list[:at], b.list[at+1:]...)
}

// of is about when the conn with this id was made.
func (b *births) of(id uint64) time.Duration {
	i := sort.Search(len(b.list), func(i int) bool { return b.list[i].id > id })
	if i == 0 {
		return 0
	}
	return b.list[i-1].at
}

// Age is how long ago the conn was opened, or was about to be, by the reactor's clock: exact
// to 0.1 s, or to some hundredths of the age. Any goroutine may call it.
func (c *Conn) Age() time.Duration {
	if c.check() != nil {
		return 0
	}
	p := c.peer
	now := p.reactor.Loops()[0].Time()
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(now-p.births.of(c.id), 0)
}
