//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"testing"
	"time"
)

// pass lets d go by and brings the tick, as a poller would at the end of a round.
func (k *rounds) pass(d time.Duration) {
	k.l.r.clock.advance(d)
	k.l.inbox.poke()
	k.hear()
}

// expiring has the i-th conn expire once in when, and tells how often it has.
// Input puts that off, as a session does.
func (k *rounds) expiring(i int, in time.Duration) *int {
	calls := new(int)
	c := k.conns[i].ctx.(*socket).conn()
	c.setDeadline(time.Duration(k.l.deadlines.now)*Tick + in)
	c.handler = &hooks{
		received: func(c *Conn, b []byte) int { c.SetDeadline(k.l.Now() + in); return len(b) },
		expired:  func(*Conn) { *calls++ },
	}
	return calls
}

// When a deadline comes, what had arrived by then is read first.
func TestADeadlineIsJudgedAfterWhatHasArrived(t *testing.T) {
	k := newRounds(t, 2)
	spoke, silent := k.expiring(0, 2*Tick), k.expiring(1, 2*Tick)
	k.pass(Tick)
	k.l.r.clock.advance(Tick)
	k.l.inbox.poke()
	k.rings.Add(-1)
	k.p.OnTraffic(&stillConn{}) // the wake-up, in which the deadline comes
	if *spoke+*silent != 0 {
		t.Fatal("a deadline was judged before the sockets were read")
	}
	k.p.OnTraffic(k.conns[0]) // what had arrived
	k.hear()
	if *spoke != 0 || *silent != 1 {
		t.Errorf("the one that had spoken expired %d times, the silent one %d", *spoke, *silent)
	}
}

// The time for which the loop stood still is not the other side's silence.
func TestStallsAreNotCounted(t *testing.T) {
	k := newRounds(t, 1)
	calls := k.expiring(0, 2*Tick)
	k.pass(Tick)
	if k.pass(time.Minute); *calls != 0 {
		t.Error("it expired of a stall")
	}
	if k.pass(Tick); *calls != 1 {
		t.Errorf("it expired %d times a tick after the stall", *calls)
	}
}

// For a loop that is always late, time passes all the same.
func TestDeadlinesOfALoopThatIsAlwaysLate(t *testing.T) {
	k := newRounds(t, 1)
	calls := k.expiring(0, 4*Tick)
	for range 8 {
		k.pass(3 * Tick)
	}
	if *calls != 1 {
		t.Errorf("it expired %d times", *calls)
	}
}

// The grace of an ending conn is as long as it was asked to be, whatever stalls
// there were before.
func TestGraceAfterAStall(t *testing.T) {
	k := newRounds(t, 1)
	k.pass(time.Minute)
	c := k.conns[0].ctx.(*socket).conn()
	c.needSlow().grace = 4 * Tick
	c.restartGrace()
	if ticks := c.deadline - k.l.deadlines.now; ticks < 4 || ticks > 5 {
		t.Errorf("the grace is over in %d ticks, want 4 or 5", ticks)
	}
}

// A deadline waits for what has arrived and was not read yet, but not for a conn that
// never stops sending.
func TestADeadlineWaitsForInputForAWhile(t *testing.T) {
	k := newRounds(t, 1)
	calls := k.expiring(0, 2*Tick)
	c := k.conns[0].ctx.(*socket).conn()
	c.flags.set(inReady) // for a share that does not come
	tick := func() {
		k.l.r.clock.advance(Tick)
		k.l.inbox.poke()
		for range 2 { // the deadline comes, and is judged
			k.p.OnTraffic(&stillConn{})
		}
	}
	for range 1 + unreadTicks {
		if tick(); *calls != 0 {
			t.Fatal("it expired before its input was read")
		}
	}
	if tick(); *calls != 1 {
		t.Errorf("it expired %d times", *calls)
	}
}
