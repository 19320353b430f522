package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClockStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		for _, step := range []struct {
			when string
			do   func()
			want time.Duration
		}{
			{"before the first run", func() {}, 0},
			{"running", c.resume, time.Hour},
			{"stopped", c.stop, time.Hour},
			{"stopped again", c.stop, time.Hour},
			{"running on", c.resume, 2 * time.Hour},
		} {
			step.do()
			time.Sleep(time.Hour) // the bubble's
			if got := c.now(); got != step.want {
				t.Errorf("%s: the clock shows %v, want %v", step.when, got, step.want)
			}
		}
	})
}

// A reactor's clock goes while the reactor runs.
func TestTimeOfAReactor(t *testing.T) {
	r := New(nil)
	defer r.Close()
	l := r.Loops()[0]
	passes := func() bool {
		from := l.Time()
		for began := time.Now(); time.Since(began) < time.Microsecond; {
		}
		return l.Time() > from
	}
	for _, step := range []struct {
		when string
		do   func()
		want bool
	}{
		{"before the first run", func() {}, false},
		{"running", func() { r.RunAsync() }, true},
		{"stopped", func() { r.Stop() }, false},
		{"running on", func() { r.RunAsync() }, true},
	} {
		step.do()
		if passes() != step.want {
			t.Errorf("%s: time passes: %v", step.when, !step.want)
		}
	}
}
