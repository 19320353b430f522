package engine

import (
	"sync/atomic"
	"testing"
)

// hoarder is a conn of a virtual reactor that keeps what it is told to.
type hoarder struct {
	Conn
	kept Kept
	end  error
}

func hoard(t *testing.T, v *Virtual, loop *Loop) *hoarder {
	t.Helper()
	h := new(hoarder)
	err := v.r.Attach(&fakeTransport{}, &h.Conn, &hooks{closed: func(c *Conn, err error) { c.Keep(&h.kept, 0); h.end = err }}, loop)
	if err != nil {
		t.Fatal(err)
	}
	v.Settle(100)
	return h
}

// on runs fn on a loop.
func on(v *Virtual, l *Loop, fn func()) {
	l.Post(fn)
	v.Settle(100)
}

// When all keep too much, those pay that keep the most and have gone without
// doubling it for the longest, on whichever loop they are.
func TestThoseWhoKeepTheMostPay(t *testing.T) {
	type keep struct{ who, n int }
	for name, test := range map[string]struct {
		loops int
		keeps []keep
		ended []int
	}{
		"within the bound":      {1, []keep{{0, 500}, {1, 500}}, nil},
		"the largest":           {1, []keep{{0, 100}, {1, 800}, {2, 200}}, []int{1}},
		"the oldest":            {1, []keep{{0, 400}, {1, 400}, {2, 300}}, []int{0}},
		"progress":              {1, []keep{{0, 200}, {1, 400}, {0, 400}, {2, 300}}, []int{1}},
		"given back":            {1, []keep{{0, 900}, {0, 0}, {1, 900}}, nil},
		"large, and progress":   {1, []keep{{0, 250}, {1, 250}, {2, 250}, {3, 400}}, []int{0}},
		"as many as it takes":   {1, []keep{{0, 300}, {1, 300}, {2, 300}, {3, 900}}, []int{3}},
		"of the same size":      {1, []keep{{0, 400}, {1, 500}, {2, 510}}, []int{0, 1}},
		"on another loop":       {2, []keep{{0, 300}, {2, 300}, {1, 450}}, []int{0}},
		"one that is too large": {1, []keep{{0, 100}, {1, 2000}}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, &Config{Loops: test.loops, MaxTotalInput: 1000})
			var all []*hoarder
			for i := range 4 {
				all = append(all, hoard(t, v, v.r.loops[i%test.loops]))
			}
			for _, k := range test.keeps {
				h := all[k.who]
				on(v, h.Loop(), func() { h.Keep(&h.kept, k.n) })
			}
			var ended []int
			for i, h := range all {
				if h.end != nil {
					ended = append(ended, i)
					if h.end != ErrInput {
						t.Errorf("%d ended with %v", i, h.end)
					}
				}
			}
			if len(ended) != len(test.ended) {
				t.Fatalf("%v ended, want %v", ended, test.ended)
			}
			for i := range ended {
				if ended[i] != test.ended[i] {
					t.Fatalf("%v ended, want %v", ended, test.ended)
				}
			}
			if n := v.r.input.Load(); n > 1000 {
				t.Errorf("%d bytes are kept", n)
			}
			for _, h := range all {
				h.Abort(nil)
			}
			v.Settle(100)
			if n := v.r.input.Load(); n != 0 {
				t.Errorf("%d bytes are counted with nobody there", n)
			}
		})
	}
}

// An overdrawn account ends a few conns, not a part of them that keeps the loop busy.
func TestFewEndAtATime(t *testing.T) {
	const conns, each = 256, 100
	v := virtual(t, &Config{MaxTotalInput: conns * each})
	var all []*hoarder
	for range conns + 1 {
		all = append(all, hoard(t, v, nil))
	}
	on(v, v.r.loops[0], func() {
		for _, h := range all {
			h.Keep(&h.kept, each)
		}
	})
	ended := 0
	for _, h := range all {
		if h.end != nil {
			ended++
		}
	}
	if most := conns/shedMore + 2; ended < 1 || ended > most {
		t.Errorf("%d of %d conns ended for one too many, want at most %d", ended, conns, most)
	}
}

// The account knows who keeps the most, and the sum, whatever is kept and given back.
func TestKeepingKnowsWhoKeepsTheMost(t *testing.T) {
	var q keeping
	var all atomic.Int64
	var a, b Kept
	for i, step := range []struct {
		k     *Kept
		n     int
		first *Kept
		sum   int64
	}{
		{&a, 100, &a, 100},
		{&b, 800, &b, 900},
		{&b, 810, &b, 910},
		{&b, 10, &a, 110},
		{&a, 0, &b, 10},
		{&b, 0, nil, 0},
		{&a, 400, &a, 400},
		{&b, 600, &a, 1000}, // which has just come to that, and a has not grown meanwhile
	} {
		q.set(step.k, step.n, &all)
		if q.first() != step.first || q.total.Load() != step.sum || all.Load() != step.sum {
			t.Errorf("step %d: %d bytes are kept, want %d, or another one keeps the most", i, q.total.Load(), step.sum)
		}
	}
}
