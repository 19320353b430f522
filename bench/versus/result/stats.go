package result

import (
	"cmp"
	"math"
	"slices"
)

// Stat is a median over rounds and the spread around it.
type Stat struct {
	Median, Least, Most float64
	N, Noisy            int // rounds, and those of them that were marked
}

// Known tells whether there was a round at all.
func (s Stat) Known() bool { return s.N > 0 }

// Spread is the distance between the quietest and the worst round, as a share
// of the median.
func (s Stat) Spread() float64 { return (s.Most - s.Least) / s.Median }

// Measure takes one figure from a sample.
type Measure func(*Sample) float64

// Key is one line of the comparison: a subject under a cell.
type Key struct {
	Subject
	Cell Cell
}

// Table answers questions about a file.
type Table struct {
	File  *File
	byKey map[Key][]*Sample
}

// NewTable sorts a file's samples.
func NewTable(f *File) *Table {
	t := &Table{f, make(map[Key][]*Sample)}
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Failure == "" && s.Errors == 0 {
			k := Key{s.Subject, s.Cell}
			t.byKey[k] = append(t.byKey[k], s)
		}
	}
	return t
}

// Of returns a figure's median over rounds. Rounds that were marked count only
// where there are too few others: fewer than half.
func (t *Table) Of(s Subject, c Cell, m Measure) Stat {
	samples := t.byKey[Key{s, c}]
	quiet := slices.DeleteFunc(slices.Clone(samples), func(s *Sample) bool { return s.Noise > Quiet })
	used := samples
	if 2*len(quiet) >= len(samples) {
		used = quiet
	}
	var values []float64
	for _, s := range used {
		if v := m(s); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return Stat{}
	}
	slices.Sort(values)
	return Stat{Median(values), values[0], values[len(values)-1], len(samples), len(samples) - len(quiet)}
}

// Median of sorted values; NaN of none.
func Median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Cells returns the cells of a group in the order in which they were run.
func (t *Table) Cells(group string) []Cell {
	var cells []Cell
	for i := range t.File.Samples {
		if c := t.File.Samples[i].Cell; c.Group == group && !slices.Contains(cells, c) {
			cells = append(cells, c)
		}
	}
	return cells
}

// Subjects returns those that were in a group and a mode; in any mode if it is
// "". The order is that of peers.
func (t *Table) Subjects(group, mode string) []Subject {
	var subjects []Subject
	for i := range t.File.Samples {
		s := &t.File.Samples[i]
		if s.Cell.Group == group && (mode == "" || s.Mode == mode) && !slices.Contains(subjects, s.Subject) {
			subjects = append(subjects, s.Subject)
		}
	}
	slices.SortStableFunc(subjects, func(a, b Subject) int {
		return cmp.Or(rank(peers[:], a.Peer)-rank(peers[:], b.Peer), rank(modes[:], a.Mode)-rank(modes[:], b.Mode))
	})
	return subjects
}

// peers and modes are the order of reports: the yardsticks, packetmq, the servers of
// frames, and those that bring a protocol of their own.
var peers = [...]string{"limit", "packetmq", "gnet", "gnet-naive", "net", "net64k", "netpoll", "nbio", "grpc", "ttrpc", "nats", "twisted"}

var modes = [...]string{"raw", "marshal", "typed", "any"}

func rank(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}
