//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// tell has callbacks note whose they were.
func (k *rounds) tell() *[]int {
	order := new([]int)
	k.work = func(i int) { *order = append(*order, i) }
	return order
}

// read brings input of some conns and returns whose was handled before the bell.
func (k *rounds) read(conns ...int) []int {
	order := k.tell()
	for _, i := range conns {
		k.p.OnTraffic(k.conns[i])
	}
	return slices.Clone(*order)
}

func TestShortInputWaitsInLongRounds(t *testing.T) {
	k := newRounds(t, 2*gatherMost)
	k.gather()
	if got := k.read(0, 1, 2, 3); !slices.Equal(got, []int{0}) {
		t.Errorf("before the bell input of %v was handled, want the first alone", got)
	}
	order := k.tell()
	if k.hear(); !slices.Equal(*order, []int{1, 2, 3}) {
		t.Errorf("behind the bell input of %v was handled, want the rest", *order)
	}
	all := make([]int, gatherMost+1)
	for i := range all {
		all[i] = i
	}
	if got := k.read(all...); !slices.Equal(got, all[:gatherMost]) {
		t.Errorf("input of %v was handled, want that of %d conns", got, gatherMost)
	}
}

// Long input is handled at once, behind what waits: some of that may be the
// same conn's.
func TestLongInputComesBehindWhatWaits(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	var got []int
	k.conns[1].ctx.(*socket).handler = &hooks{received: func(_ *Conn, b []byte) int {
		got = append(got, len(b))
		return len(b)
	}}
	for _, n := range []int{1, heldMost, heldMost + 1} {
		k.conns[1].in = make([]byte, n)
		k.p.OnTraffic(k.conns[1])
	}
	if want := []int{1, heldMost, heldMost + 1}; !slices.Equal(got, want) {
		t.Errorf("it was handled in shares of %d, want %d", got, want)
	}
}

// What waits is the conn's even when its place in the poller's buffer has been
// used again, and comes before its end.
func TestInputThatWaitsComesBeforeTheEnd(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	var got []string
	k.conns[1].ctx.(*socket).handler = &hooks{
		received: func(_ *Conn, b []byte) int { got = append(got, string(b)); return len(b) },
		closed:   func(*Conn, error) { got = append(got, "end") },
	}
	k.conns[1].in = []byte("word")
	k.p.OnTraffic(k.conns[1])
	copy(k.conns[1].in, "lost")
	k.p.OnClose(k.conns[1], nil)
	if want := []string{"word", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A conn that another's handler ends has nothing more to take; one whose write
// fails still has, behind the failure.
func TestInputThatWaitsOfEndedConns(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	k.p.OnTraffic(k.conns[1])
	k.p.OnTraffic(k.conns[2])
	k.p.OnTraffic(k.conns[3])
	closed := &deaf{Sink: k.conns[2].ctx.(*socket).conn()}
	k.conns[2].ctx.(*socket).put().sink = closed // as of a Wrapper's transport
	order := new([]int)
	k.work = func(i int) {
		*order = append(*order, i)
		if i == 1 {
			k.conns[2].ctx.(*socket).conn().kill(nil)
			s := k.conns[3].ctx.(*socket)
			s.inGnet = true
			k.p.OnClose(k.conns[3], os.NewSyscallError("write", unix.EPIPE))
			s.inGnet = false
		}
	}
	k.hear()
	if want := []int{1, 3}; !slices.Equal(*order, want) {
		t.Errorf("input of %v was handled, want that of %v", *order, want)
	}
	if closed.got > 0 {
		t.Error("a transport got input behind its Close")
	}
}

// deaf is a Sink that wants no input.
type deaf struct {
	Sink
	got int
}

func (d *deaf) Received(b []byte) int {
	d.got++
	return len(b)
}

// A Goexit in a conn's handler keeps neither what waits behind it, nor the event
// that all of it is handled before.
func TestInputThatWaitsSurvivesGoexit(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	k.p.OnTraffic(k.conns[1])
	k.p.OnTraffic(k.conns[2])
	order := new([]int)
	k.work = func(i int) {
		*order = append(*order, i)
		if i == 1 {
			runtime.Goexit()
		}
	}
	k.conns[3].in = make([]byte, heldMost+1)
	k.p.OnTraffic(k.conns[3])
	if want := []int{1, 2, 3}; !slices.Equal(*order, want) {
		t.Errorf("input of %v was handled, want that of %v", *order, want)
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
