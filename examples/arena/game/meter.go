package game

import "time"

const (
	// together is how far apart the positions of one snapshot come at most. They are in one
	// read, mostly.
	together = 2 * time.Millisecond

	fine    = 100 * time.Microsecond // how fine a meter measures
	buckets = 2000                   // as far as 0.2 s
)

// meter counts by how much the distances between snapshots differ from their period. Loop
// only.
type meter struct {
	period time.Duration
	counts [buckets + 1]int // the last one is for all that is more
	n      int
}

// add counts a distance.
func (m *meter) add(distance time.Duration) {
	m.counts[min((distance-m.period).Abs()/fine, buckets)]++
	m.n++
}

// p99 is by how much 99 of 100 distances differ at most, rounded up.
func (m *meter) p99() time.Duration {
	seen := 0
	for i, n := range m.counts {
		if seen += n; m.n > 0 && seen*100 >= m.n*99 {
			return time.Duration(i+1) * fine
		}
	}
	return 0
}

// reset forgets everything.
func (m *meter) reset() { *m = meter{period: m.period} }
