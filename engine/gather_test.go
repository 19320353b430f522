//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"runtime"
	"testing"
	"time"
)

// rounds is a poller whose rounds are the test's to make.
type rounds struct {
	t     *testing.T
	p     *poller
	l     *Loop
	conns []*stillConn
	rings int
	work  func(i int) // in each callback, if not nil
}

func newRounds(t *testing.T, conns int) *rounds {
	r := New(nil)
	r.clock = &clock{manual: true}
	k := &rounds{t: t, l: r.loops[0]}
	k.l.setBell(func() { k.rings++ })
	k.p = &poller{loop: k.l}
	k.p.OnOpen(&stillConn{})
	t.Cleanup(func() { k.p.runner.end() })
	for i := range conns {
		c := &Conn{loop: k.l}
		c.handler = &hooks{received: func(c *Conn, b []byte) int {
			out := c.Out()
			out.B = append(out.B, b...)
			if k.work != nil {
				k.work(i)
			}
			return len(b)
		}}
		c.tr = (*socket)(c)
		gc := &stillConn{ctx: (*socket)(c), in: []byte{1}}
		k.conns = append(k.conns, gc)
		k.p.OnOpen(gc)
	}
	k.hear()
	return k
}

// hear is the bell at the end of a round, if it was rung.
func (k *rounds) hear() {
	for ; k.rings > 0; k.rings-- {
		k.p.OnTraffic(&stillConn{})
	}
}

// sent is how many bytes the conns have sent since it was asked last.
func (k *rounds) sent() (n int) {
	for _, c := range k.conns {
		n += c.out
		c.out = 0
	}
	return n
}

// round brings input of the first n conns, which must answer: behind the bell
// alone what is to be gathered, and the rest before. It reports whether the bell
// was rung.
func (k *rounds) round(n, gathered int) (rung bool) {
	k.t.Helper()
	for _, c := range k.conns[:n] {
		k.p.OnTraffic(c)
	}
	if got := k.sent(); got != n-gathered {
		k.t.Fatalf("%d of %d answers were sent before the bell, want %d", got, n, n-gathered)
	}
	rung = k.rings > 0
	k.hear()
	if got := k.sent(); got != gathered {
		k.t.Fatalf("%d answers were sent behind the bell, want %d", got, gathered)
	}
	return rung
}

// gather makes rounds of gatherFrom reads until they are known to be long.
func (k *rounds) gather() {
	k.t.Helper()
	for reads := 0; !k.l.gather.on && !debugBuild; reads += gatherFrom {
		if reads > 2*gatherFrom*gatherProbe {
			k.t.Fatalf("rounds of %d are not known to be long after %d reads", gatherFrom, reads)
		}
		k.round(gatherFrom, 0)
	}
}

func TestOutputIsGatheredInLongRounds(t *testing.T) {
	k := newRounds(t, 2*gatherMost+3)
	k.gather()
	for range 3 {
		if !k.round(gatherMost-1, gatherMost-1) {
			t.Fatal("the bell was not rung")
		}
	}
	k.round(gatherMost, 0)
	k.round(2*gatherMost+3, 3)
}

// An answer does not wait for a long round of others that answer nothing.
func TestOutputWaitsForFewReads(t *testing.T) {
	k := newRounds(t, 3*gatherMost)
	k.gather()
	for i, c := range k.conns {
		if i > 0 {
			c.in = nil
		}
		k.p.OnTraffic(c)
		want := 0
		if i == gatherMost-1 {
			want = 1
		}
		if got := k.sent(); got != want {
			t.Errorf("%d answers were sent behind read %d, want %d", got, 1+i, want)
		}
	}
}

// Much output leaves while it is in the CPU's cache.
func TestLargeOutputIsNotGathered(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	for i, want := range []int{unloadFrom - 1, unloadFrom} {
		c := k.conns[gatherFrom+i]
		c.in = make([]byte, want)
		k.p.OnTraffic(c)
		if got := k.sent(); (got == want) != (want == unloadFrom) {
			t.Errorf("%d of %d bytes were sent before the bell", got, want)
		}
		k.hear()
		k.sent()
		k.gather()
	}
}

func TestOutputIsNotGatheredInShortRounds(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build always gathers")
	}
	k := newRounds(t, gatherMost)
	looks := 0
	for range 4 * gatherProbe {
		if k.round(1, 0) {
			looks++
		}
	}
	if looks != 4 {
		t.Errorf("the bell was rung %d times in %d reads, want 4", looks, 4*gatherProbe)
	}
	k.gather()
	k.round(gatherFrom-1, gatherFrom-1) // shorter than the last one
	if k.round(gatherFrom-1, 0) {
		t.Error("the bell was rung behind a short round")
	}
}

func TestOutputDoesNotWaitForSlowHandlers(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build always gathers")
	}
	k := newRounds(t, gatherMost)
	k.gather()
	k.work = func(int) { k.l.r.clock.advance(gatherTime + time.Microsecond) }
	k.round(gatherFrom, gatherFrom) // nobody knew
	if k.round(gatherFrom, 0) {
		t.Error("the bell was rung behind a slow round")
	}
}

func TestGatheredOutputSurvivesGoexit(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.work = func(i int) {
		if i == gatherFrom {
			runtime.Goexit()
		}
	}
	for _, c := range k.conns[:gatherFrom+1] {
		k.p.OnTraffic(c)
	}
	k.work = nil
	k.hear()
	if got := k.sent(); got < gatherFrom {
		t.Errorf("%d of %d answers were sent", got, gatherFrom)
	}
}

func TestGatheredOutputIsSentBeforeAStop(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	for _, c := range k.conns {
		c.in = make([]byte, heldMost+1) // too long to wait
	}
	for _, c := range k.conns[:gatherFrom] {
		k.p.OnTraffic(c)
	}
	if got := k.sent(); got != 0 {
		t.Fatalf("%d bytes were sent before the bell", got)
	}
	k.l.r.halt.Store(true) // the reactor is not running: park returns at once
	k.work = func(int) {
		if got := k.sent(); got != gatherFrom*(heldMost+1) {
			t.Errorf("%d bytes were sent before the loop stood still, want %d", got, gatherFrom*(heldMost+1))
		}
	}
	k.p.OnTraffic(k.conns[gatherFrom])
	if got := k.sent(); got != heldMost+1 {
		t.Errorf("%d bytes were sent behind the last callback, want %d", got, heldMost+1)
	}
}
