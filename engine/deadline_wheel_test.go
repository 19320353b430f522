package engine

import (
	"errors"
	"math"
	"testing"
	"time"
)

// wheelAlone is a wheel without a loop, on a manual clock.
func wheelAlone() *deadlineWheel {
	ts := timersAlone()
	return &deadlineWheel{clock: ts.clock, inbox: ts.inbox, timers: ts, conns: new(openConns), countsAll: true}
}

// pass turns the wheel n times, a tick apart.
func (w *deadlineWheel) pass(n int) {
	for range n {
		w.clock.advance(Tick)
		w.turn()
	}
}

// A deadline is due at its tick, also if the wheel has to go around for it or if it was moved
// to earlier or later, and not at all once it was taken away.
func TestWheelHasDeadlinesDueAtTheirTicks(t *testing.T) {
	const last = 300
	for name, test := range map[string]struct {
		set []time.Duration // in ticks, one after the other
		due int32           // 0: never
	}{
		"near":                 {[]time.Duration{1}, 1},
		"in the last slot":     {[]time.Duration{127}, 127},
		"once around":          {[]time.Duration{128}, 128},
		"twice around":         {[]time.Duration{260}, 260},
		"moved to later":       {[]time.Duration{5, 200}, 200},
		"moved to earlier":     {[]time.Duration{200, 5}, 5},
		"taken away":           {[]time.Duration{5, 0}, 0},
		"taken away and set":   {[]time.Duration{5, 0, 7}, 7},
		"beyond what is tried": {[]time.Duration{last + 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, c, other := wheelAlone(), new(Conn), new(Conn)
			w.conns.add(c)
			w.start()
			w.set(other, last*Tick) // in the same slots for a while
			for _, ticks := range test.set {
				w.set(c, ticks*Tick)
			}
			due := int32(0)
			for range last - 1 {
				w.pass(1)
				if len(w.due) > 0 && due == 0 {
					due = w.now
				}
			}
			if due != test.due || len(w.due) > 1 {
				t.Errorf("due at tick %d, want %d", due, test.due)
			}
		})
	}
}

// The wheel has a timer while there are conns, one at a time.
func TestWheelTurnsForConns(t *testing.T) {
	w, c := wheelAlone(), new(Conn)
	for range 2 {
		w.conns.add(c)
		w.start()
		w.start()
		w.pass(1)
		if n := w.timers.waiting(); n != 1 {
			t.Errorf("%d timers while a conn is open, want 1", n)
		}
		w.conns.remove(c)
		w.pass(1)
		if n := w.timers.waiting(); n != 0 {
			t.Errorf("%d timers without conns", n)
		}
	}
}

func TestFarDeadlines(t *testing.T) {
	for _, d := range far {
		v := virtual(t, nil)
		calls := 0
		attachFake(t, v.r, &fakeTransport{}, &hooks{
			opened:  func(c *Conn) { c.SetDeadline(d) },
			expired: func(*Conn) { calls++ },
		})
		settle(t, v)
		v.Advance(time.Hour)
		settle(t, v)
		if calls != 0 {
			t.Errorf("a deadline at %v came within an hour", d)
		}
	}
}

// What one conn's Expired does to the deadline of another one holds, though both
// were due.
func TestDeadlineMovedByAnother(t *testing.T) {
	for name, test := range map[string]struct {
		move func(c *Conn)
		want int // calls, when two more seconds have passed
	}{
		"left alone": {func(*Conn) {}, 2},
		"taken away": {func(c *Conn) { c.SetDeadline(0) }, 1},
		"put off":    {func(c *Conn) { c.SetDeadline(c.Loop().Now() + time.Hour) }, 1},
		"moved on":   {func(c *Conn) { c.SetDeadline(c.Loop().Now() + time.Second) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			conns := make([]*Conn, 2)
			calls := 0
			for i := range conns {
				conns[i] = attachFake(t, v.r, &fakeTransport{}, &hooks{
					opened: func(c *Conn) { c.SetDeadline(time.Second) },
					expired: func(*Conn) {
						if calls++; calls == 1 {
							test.move(conns[1-i])
						}
					},
				})
			}
			settle(t, v)
			v.Advance(time.Second)
			settle(t, v)
			first := calls
			v.Advance(2 * time.Second)
			settle(t, v)
			if calls != test.want || name != "left alone" && first != 1 {
				t.Errorf("Expired was called %d times at first and %d in all, want %d", first, calls, test.want)
			}
		})
	}
}

// Finish has the deadline to itself.
func TestSetDeadlineDoesNotMoveTheGrace(t *testing.T) {
	for name, at := range map[string]time.Duration{"none": 0, "early": 1, "late": time.Hour} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			var ended []error
			c := attachFake(t, v.r, &fakeTransport{stuck: true}, &hooks{
				opened:  func(c *Conn) { c.Queue([]byte("not taken")); c.Finish(10 * time.Second) },
				expired: func(*Conn) { t.Error("Expired was called") },
				closed:  func(_ *Conn, err error) { ended = append(ended, err) },
			})
			settle(t, v)
			v.r.Post(func() { c.SetDeadline(at) })
			v.Advance(9 * time.Second)
			settle(t, v)
			if len(ended) != 0 {
				t.Errorf("ended within the grace: %v", ended)
			}
			v.Advance(2 * time.Second)
			settle(t, v)
			if len(ended) != 1 || !errors.Is(ended[0], ErrFlushTimeout) {
				t.Errorf("ended with %v, want %v", ended, ErrFlushTimeout)
			}
		})
	}
}

// The grace begins when Finish is called, not when the callback began.
func TestGraceAfterALongCallback(t *testing.T) {
	v := virtual(t, nil)
	var ended []error
	p := &fakeTransport{stuck: true}
	c := attachFake(t, v.r, p, &hooks{
		received: func(c *Conn, b []byte) int {
			v.Advance(time.Minute) // goes by in this callback
			c.Queue([]byte("not taken"))
			c.Finish(10 * time.Second)
			return len(b)
		},
		closed: func(_ *Conn, err error) { ended = append(ended, err) },
	})
	p.pump = func() bool { p.sink.Received([]byte("x")); return false }
	settle(t, v)
	c.sink().Wake(nil)
	settle(t, v)
	v.Advance(9 * time.Second)
	settle(t, v)
	if len(ended) != 0 {
		t.Errorf("ended within the grace: %v", ended)
	}
	v.Advance(2 * time.Second)
	settle(t, v)
	if len(ended) != 1 {
		t.Errorf("%d ends after the grace", len(ended))
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		from            Ticks
		d               time.Duration
		after, afterAll Ticks
	}{
		{0, 1, 1, 2},
		{4, Tick, 5, 6},
		{4, Tick + 1, 6, 7},
		{4, 10 * Tick, 14, 15},
		{1, math.MaxInt64 - Tick, math.MaxInt32, math.MaxInt32},
	} {
		if after, all := test.from.After(test.d), test.from.AfterAll(test.d); after != test.after || all != test.afterAll {
			t.Errorf("%v from tick %d: %d and %d, want %d and %d", test.d, test.from, after, all, test.after, test.afterAll)
		}
	}
	if at := Ticks(4).Time(); at != time.Second {
		t.Errorf("tick 4 is at %v, want 1s", at)
	}
}
