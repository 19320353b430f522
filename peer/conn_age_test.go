package peer

import (
	"testing"
	"time"
)

// Of conns made at any pace, the age is exact to a tenth of a second or to some hundredths of
// itself, and what is remembered of them is bounded.
func TestBirths(t *testing.T) {
	for _, test := range []struct {
		name  string
		every time.Duration
		conns int
	}{
		{"a thousand a second", time.Millisecond, 200_000},
		{"ten a second", 100 * time.Millisecond, 20_000},
		{"one a minute", time.Minute, 3_000},
		{"one a day", 24 * time.Hour, 300},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b births
			var now time.Duration
			for id := 1; id <= test.conns; id++ {
				now = time.Duration(id) * test.every
				b.note(uint64(id), now)
			}
			if len(b.list) > maxBirths {
				t.Errorf("%d are remembered", len(b.list))
			}
			worst := 0.0
			for id := 1; id <= test.conns; id++ {
				age := now - time.Duration(id)*test.every
				off := (now - b.of(uint64(id)) - age).Abs()
				if off <= birthStep {
					continue
				}
				worst = max(worst, float64(off)/float64(age))
			}
			if worst > .1 {
				t.Errorf("an age is wrong by %.0f %% of itself", 100*worst)
			}
		})
	}
}

func TestBirthsOfNone(t *testing.T) {
	var b births
	if at := b.of(7); at != 0 {
		t.Errorf("a conn that nobody noted was made at %v", at)
	}
}
