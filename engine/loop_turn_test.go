package engine

import (
	"testing"
)

// Conns with input take turns, however many shares the loop's turn has.
func TestSharesGoRound(t *testing.T) {
	v := virtual(t, nil)
	const conns, shares = 3, 2*maxShares + 1
	var order []int
	for i := range conns {
		p := new(fakeTransport)
		p.pump = func() bool {
			order = append(order, i)
			return len(order) < shares
		}
		p.open = func() { p.sink.Wake(p.sink.Loop()) }
		attachFake(t, v.r, p, &hooks{})
	}
	for i, steps := 0, 3; i < steps; i++ { // the first one opens them too
		v.Step(0)
		if want := min((i+1)*maxShares, shares); len(order) < want || len(order) > want+conns {
			t.Errorf("%d shares after %d turns, want %d", len(order), i+1, want)
		}
	}
	for i, c := range order {
		if c != i%conns {
			t.Fatalf("share %d went to conn %d", i, c)
		}
	}
	if l := v.r.loops[0]; len(l.ready.list) != 0 || l.ready.any() {
		t.Errorf("%d conns wait: %v", len(l.ready.list), l.ready)
	}
}

// startWith is start, with a socket or without.
func startWith(t *testing.T, socket bool) *Reactor {
	t.Helper()
	r := start(t, nil)
	if socket {
		opened := make(chan struct{})
		serve(t, r, &hooks{opened: func(*Conn) { close(opened) }})
		wait(t, "socket", opened)
	}
	return r
}

// A loop without sockets goes back to its poller less often: some turn has more shares
// than any turn of a loop with sockets has.
func TestSharesOfALoopAlone(t *testing.T) {
	for _, alone := range []bool{true, false} {
		r := startWith(t, !alone)
		shares, turns, over := 0, 0, false // loop only
		most, done := make(chan int, 1), make(chan struct{})
		p := &fakeTransport{pump: func() bool {
			shares++
			return !over
		}}
		p.open = func() { p.sink.Wake(p.sink.Loop()) }
		attachFake(t, r, p, &hooks{})
		var look func()
		look = func() { // posted functions run once a turn
			turns++ // not the first one, which may have come turns after the conn
			if turns > 1 && shares > maxShares || turns == 300 {
				over = true
				most <- shares
				close(done)
				return
			}
			shares = 0
			r.loops[0].Post(look)
		}
		r.loops[0].Post(look)
		wait(t, "turns", done)
		switch n := <-most; {
		case !alone && n > maxShares:
			t.Errorf("a turn of a loop with sockets had %d shares, want %d at most", n, maxShares)
		case alone && n <= maxShares: // they end by time as well
			t.Logf("no turn of a loop alone had more than %d shares: the machine is busy", maxShares)
		}
	}
}

// A loop without sockets takes the turns that its own functions ask for without
// its poller.
func TestTurnsOfALoopAlone(t *testing.T) {
	for _, alone := range []bool{true, false} {
		r := startWith(t, !alone)
		const turns = 1000
		l, left, done := r.loops[0], turns, make(chan struct{})
		callbacks := make(map[uint64]bool)
		var next func()
		next = func() {
			callbacks[l.inbox.callbacks.Load()] = true
			if left--; left == 0 {
				close(done)
				return
			}
			l.Post(next)
		}
		l.Post(next)
		wait(t, "turns", done)
		if n := len(callbacks); alone && n > turns/2 || !alone && n != turns {
			t.Errorf("alone: %v; %d callbacks for %d turns", alone, n, turns)
		}
	}
}

// However many conns have more than a share, one that has less waits for no more
// than one of them.
func TestConnsWithLittleDoNotWaitForThoseWithMuch(t *testing.T) {
	const conns = 50
	v := virtual(t, nil)
	shares, spoke := 0, 0
	for range conns {
		p := &fakeTransport{pump: func() bool { shares++; return true }}
		p.open = func() { p.sink.Wake(p.sink.Loop()) }
		attachFake(t, v.r, p, &hooks{})
	}
	little := &fakeTransport{pump: func() bool { spoke = shares; return false }}
	c := attachFake(t, v.r, little, &hooks{})
	for range 3 {
		v.Step(0)
	}
	before := shares
	v.r.Post(func() { c.sink().Wake(c.Loop()) })
	if v.Step(0); spoke == 0 || spoke-before > 2 {
		t.Errorf("it waited for %d shares of others", spoke-before)
	}
}
