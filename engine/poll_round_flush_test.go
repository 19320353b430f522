//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// rounds is a poller whose rounds are the test's to make.
type rounds struct {
	t     *testing.T
	p     *poller
	l     *Loop
	conns []*stillConn
	rings atomic.Int32 // a timer of the runtime may ring too
	work  func(i int)  // in each callback, if not nil
}

func newRounds(t *testing.T, conns int) *rounds {
	r := newReactor(nil, &clock{manual: true})
	k := &rounds{t: t, l: r.loops[0]}
	k.l.inbox.setWake(func() { k.rings.Add(1) })
	k.p = &poller{loop: k.l}
	k.p.OnOpen(&stillConn{})
	t.Cleanup(func() { k.p.callbacks.end() })
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
		gc := &stillConn{ctx: &enrolment{s: (*socket)(c)}, in: []byte{1}}
		k.conns = append(k.conns, gc)
		k.p.OnOpen(gc)
	}
	k.hear()
	return k
}

// hear is the wake-up at the end of a round, if there is one.
func (k *rounds) hear() {
	for ; k.rings.Load() > 0; k.rings.Add(-1) {
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

// round brings input of the first n conns, which must answer: after the wake-up
// alone what is to be batched, and the rest before. It reports whether the loop
// was rung.
func (k *rounds) round(n, batched int) (rung bool) {
	k.t.Helper()
	for _, c := range k.conns[:n] {
		k.p.OnTraffic(c)
	}
	if got := k.sent(); got != n-batched {
		k.t.Fatalf("%d of %d answers were sent before the wake-up, want %d", got, n, n-batched)
	}
	rung = k.rings.Load() > 0
	k.hear()
	if got := k.sent(); got != batched {
		k.t.Fatalf("%d answers were sent after the wake-up, want %d", got, batched)
	}
	return rung
}

// batch makes rounds of batchFrom reads until they are known to be long.
func (k *rounds) batch() {
	k.t.Helper()
	for reads := 0; !k.l.batching.on && !debugBuild; reads += batchFrom {
		if reads > 2*batchFrom*batchProbe {
			k.t.Fatalf("rounds of %d are not known to be long after %d reads", batchFrom, reads)
		}
		k.round(batchFrom, 0)
	}
}

func TestOutputIsBatchedInLongRounds(t *testing.T) {
	k := newRounds(t, 2*batchMost+3)
	k.batch()
	for range 3 {
		if !k.round(batchMost-1, batchMost-1) {
			t.Fatal("the loop was not woken")
		}
	}
	k.round(batchMost, 0)
	k.round(2*batchMost+3, 3)
}

// An answer does not wait for a long round of others that answer nothing.
func TestOutputWaitsForFewReads(t *testing.T) {
	k := newRounds(t, 3*batchMost)
	k.batch()
	for i, c := range k.conns {
		if i > 0 {
			c.in = nil
		}
		k.p.OnTraffic(c)
		want := 0
		if i == batchMost-1 {
			want = 1
		}
		if got := k.sent(); got != want {
			t.Errorf("%d answers were sent after read %d, want %d", got, 1+i, want)
		}
	}
}

// Much output leaves while it is in the CPU's cache.
func TestLargeOutputIsNotBatched(t *testing.T) {
	k := newRounds(t, batchMost)
	k.batch()
	for i, want := range []int{flushFrom - 1, flushFrom} {
		c := k.conns[batchFrom+i]
		c.in = make([]byte, want)
		k.p.OnTraffic(c)
		if got := k.sent(); (got == want) != (want == flushFrom) {
			t.Errorf("%d of %d bytes were sent before the wake-up", got, want)
		}
		k.hear()
		k.sent()
		k.batch()
	}
}

func TestOutputIsNotBatchedInShortRounds(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build always batches")
	}
	k := newRounds(t, batchMost)
	looks := 0
	for range 4 * batchProbe {
		if k.round(1, 0) {
			looks++
		}
	}
	if looks != 4 {
		t.Errorf("the loop was woken %d times in %d reads, want 4", looks, 4*batchProbe)
	}
	k.batch()
	k.round(batchFrom-1, batchFrom-1) // shorter than the last one
	if k.round(batchFrom-1, 0) {
		t.Error("the loop was woken after a short round")
	}
}

func TestOutputDoesNotWaitForSlowHandlers(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build always batches")
	}
	k := newRounds(t, batchMost)
	k.batch()
	k.work = func(int) { k.l.r.clock.advance(batchTime + time.Microsecond) }
	k.round(batchFrom, batchFrom) // nobody knew
	if k.round(batchFrom, 0) {
		t.Error("the loop was woken after a slow round")
	}
}

func TestBatchedOutputSurvivesGoexit(t *testing.T) {
	k := newRounds(t, batchMost)
	k.batch()
	k.work = func(i int) {
		if i == batchFrom {
			runtime.Goexit()
		}
	}
	for _, c := range k.conns[:batchFrom+1] {
		k.p.OnTraffic(c)
	}
	k.work = nil
	k.hear()
	if got := k.sent(); got < batchFrom {
		t.Errorf("%d of %d answers were sent", got, batchFrom)
	}
}

// Each read is handled when it is made, whatever waits to be written.
func TestReadsOfLongRoundsAreHandledAtOnce(t *testing.T) {
	k := newRounds(t, 2*batchMost)
	k.batch()
	handled := 0
	k.work = func(int) { handled++ }
	for i, c := range k.conns {
		c.in = make([]byte, 1+i*(8<<10)) // short and long
		if k.p.OnTraffic(c); handled != 1+i {
			t.Fatalf("%d of %d reads were handled", handled, 1+i)
		}
	}
}

// readStopped stops the reactor, reads conn i, which waits for the next Run, calls
// meanwhile, and has the reactor run.
func (k *rounds) readStopped(t *testing.T, i int, meanwhile func()) {
	t.Helper()
	r := k.l.r
	r.state = running // as far as stop knows
	still := r.stop()
	read := make(chan struct{})
	go func() { defer close(read); k.p.OnTraffic(k.conns[i]) }()
	wait(t, "stop", still)
	meanwhile()
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	wait(t, "read", read)
}

func TestBatchedOutputIsSentBeforeAStop(t *testing.T) {
	k := newRounds(t, batchMost)
	k.batch()
	for _, c := range k.conns[:batchFrom] {
		k.p.OnTraffic(c)
	}
	if got := k.sent(); got != 0 {
		t.Fatalf("%d answers were sent before the wake-up", got)
	}
	k.readStopped(t, batchFrom, func() {
		if got := k.sent(); got != batchFrom {
			t.Errorf("%d answers were sent before the loop stood still, want %d", got, batchFrom)
		}
	})
	if got := k.sent(); got != 1 {
		t.Errorf("%d answers were sent after the last callback, want 1", got)
	}
}

// A Goexit in the writes before a Stop takes nothing with it: neither what was
// read, nor the answers of others.
func TestGoexitInTheWritesBeforeAStop(t *testing.T) {
	k := newRounds(t, batchMost)
	k.batch()
	for _, c := range k.conns[:batchFrom] {
		k.p.OnTraffic(c)
	}
	ended := k.conns[1].ctx.(*socket).conn()
	ended.tr = &faulty{Transport: ended.tr, in: "Write", fault: runtime.Goexit}
	handled := false
	k.work = func(int) { handled = true }
	k.readStopped(t, batchFrom, func() {})
	if got := k.sent(); !handled || got != batchFrom+1 {
		t.Errorf("input was handled: %v; %d answers were sent, want %d", handled, got, batchFrom+1)
	}
}

// The output of a round is batched if the last one that was measured had many reads, and quick
// ones.
func TestBatchingDecidesByTheLastRound(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build always batches")
	}
	for name, test := range map[string]struct {
		reads int
		each  time.Duration
		on    bool
	}{
		"many":           {batchFrom, batchTime, true},
		"few":            {batchFrom - 1, batchTime, false},
		"many slow ones": {batchFrom, batchTime + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := batching{clock: &clock{manual: true}, inbox: new(inbox)}
			b.inbox.setWake(func() {})
			for range batchProbe {
				b.noteRead()
			}
			if !b.measured {
				t.Fatalf("no round was measured in %d reads", batchProbe)
			}
			for range test.reads - 1 {
				b.clock.advance(test.each)
				b.noteRead()
			}
			if b.roundEnded(); b.on != test.on || b.measured {
				t.Errorf("output is batched: %v", b.on)
			}
		})
	}
}

// Where nobody tells the end of a round, none is measured and nothing waits for it.
func TestBatchingWithoutADriver(t *testing.T) {
	b := batching{clock: &clock{manual: true}, inbox: new(inbox)}
	for range batchProbe {
		if b.noteRead() || b.measured {
			t.Fatal("output waits for an end that does not come")
		}
	}
}
