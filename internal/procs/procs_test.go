package procs

import "testing"

// fake is a process whose GOMAXPROCS is n, and auto when the runtime chooses.
func fake(n, auto int, explicit bool) (*counter, *int) {
	return &counter{
		get:      func() int { return n },
		set:      func(v int) { n = v },
		reset:    func() { n = auto },
		explicit: func() bool { return explicit },
	}, &n
}

func TestGOMAXPROCSStaysAboveTheLoops(t *testing.T) {
	type step struct {
		loops int // taken, or given where negative
		want  int // GOMAXPROCS after that
	}
	for name, tc := range map[string]struct {
		procs, auto    int
		explicit, keep bool
		steps          []step
	}{
		"enough":         {procs: 4, auto: 4, steps: []step{{1, 4}, {2, 4}, {-3, 4}}},
		"one CPU":        {procs: 1, auto: 1, steps: []step{{1, 2}, {-1, 1}}},
		"two reactors":   {procs: 2, auto: 2, steps: []step{{1, 2}, {1, 3}, {-1, 2}, {-1, 2}}},
		"several loops":  {procs: 2, auto: 2, steps: []step{{4, 5}, {2, 7}, {-2, 5}, {-4, 2}}},
		"again":          {procs: 1, auto: 1, steps: []step{{1, 2}, {-1, 1}, {2, 3}, {-2, 1}}},
		"the program's":  {procs: 2, auto: 8, steps: []step{{2, 3}, {-2, 2}}},
		"by environment": {procs: 1, auto: 8, explicit: true, steps: []step{{2, 1}, {-2, 1}}},
		"by option":      {procs: 1, auto: 8, keep: true, steps: []step{{2, 1}, {-2, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, procs := fake(tc.procs, tc.auto, tc.explicit)
			for i, s := range tc.steps {
				if s.loops > 0 {
					before := *procs
					ch := c.take(s.loops, tc.keep)
					if ch.Before != before || ch.After != *procs || ch.Loops != c.loops {
						t.Errorf("step %d: %+v is not what happened", i, ch)
					}
					if ch.Short() != (*procs <= c.loops) || ch.Raised() != (*procs != before) {
						t.Errorf("step %d: %+v says short %v, raised %v", i, ch, ch.Short(), ch.Raised())
					}
				} else {
					c.give(-s.loops)
				}
				if *procs != s.want {
					t.Errorf("step %d: GOMAXPROCS is %d, want %d", i, *procs, s.want)
				}
			}
			if c.loops != 0 {
				t.Errorf("%d loops are left", c.loops)
			}
		})
	}
}

func TestWhatTheProgramSetsMeanwhileStays(t *testing.T) {
	c, procs := fake(1, 1, false)
	c.take(1, false)
	*procs = 6
	c.give(1)
	if *procs != 6 {
		t.Errorf("GOMAXPROCS is %d, the program set 6", *procs)
	}
}
