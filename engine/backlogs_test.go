package engine

import (
	"slices"
	"testing"
)

// stuckConns are conns on one loop of which so many bytes are written, and not taken.
func stuckConns(t *testing.T, v *Virtual, sizes ...int) (transports []*fakeTransport, conns []*Conn) {
	t.Helper()
	for _, n := range sizes {
		p := &fakeTransport{stuck: true}
		c := attachFake(t, v.r, p, &hooks{})
		c.Queue(make([]byte, n))
		transports, conns = append(transports, p), append(conns, c)
	}
	settle(t, v)
	return transports, conns
}

// Those end first for which the most waits, and no more than it takes.
func TestBacklogsEndTheLargestFirst(t *testing.T) {
	never := func() bool { return false }
	for name, test := range map[string]struct {
		most  int
		ended []int
	}{
		"within the bound": {6000, nil},
		"one":              {5999, []int{1}},
		"two":              {2000, []int{1, 2}},
		"all":              {0, []int{0, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			_, conns := stuckConns(t, v, 1000, 3000, 2000)
			q := &v.r.loops[0].backlogs
			v.r.Post(func() { q.endLargest(test.most, never) })
			settle(t, v)
			var ended []int
			for i, c := range conns {
				if c.state == closed {
					ended = append(ended, i)
				}
			}
			if !slices.Equal(ended, test.ended) || q.memory > test.most {
				t.Errorf("%v ended and %d bytes wait, want %v", ended, q.memory, test.ended)
			}
		})
	}
}

// A conn is looked at until what waited for it is gone, and nobody is looked at after the last.
func TestBacklogsAreLookedAtUntilTheyAreGone(t *testing.T) {
	v := virtual(t, nil)
	transports, _ := stuckConns(t, v, 1000, 1000)
	q := &v.r.loops[0].backlogs
	for i, p := range transports {
		if n := len(q.polled.conns); n != len(transports)-i || q.polled.timer == nil {
			t.Fatalf("%d conns are looked at, want %d", n, len(transports)-i)
		}
		p.held = 0
		v.Advance(recheckEvery)
		settle(t, v)
	}
	if len(q.polled.conns) != 0 || q.polled.timer != nil || q.memory != 0 {
		t.Errorf("%d conns are looked at and %d bytes wait in the end", len(q.polled.conns), q.memory)
	}
}
