package result

// Medians and quartiles over rounds.

import (
	"cmp"
	"math"
	"slices"

	"github.com/montanaflynn/stats"
)

// Stat is a median over rounds and the spread around it: the quartiles, between
// which half of the rounds are.
type Stat struct {
	Median, Low, High float64
	N, Noisy          int // rounds, and those of them that were marked
}

// Known tells whether there was a round at all.
func (s Stat) Known() bool { return s.N > 0 }

// Marked tells whether most rounds were not quiet.
func (s Stat) Marked() bool { return 2*s.Noisy > s.N }

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
	var values []value
	for _, s := range t.byKey[Key{s, c}] {
		values = append(values, value{m(s), s.Noise > Quiet})
	}
	return stat(values)
}

// value is what one round has for a figure.
type value struct {
	of    float64
	noisy bool
}

func stat(values []value) Stat {
	quiet := slices.DeleteFunc(slices.Clone(values), func(v value) bool { return v.noisy })
	used := values
	if 2*len(quiet) >= len(values) {
		used = quiet
	}
	var figures []float64
	for _, v := range used {
		if !math.IsNaN(v.of) && !math.IsInf(v.of, 0) {
			figures = append(figures, v.of)
		}
	}
	if len(figures) == 0 {
		return Stat{}
	}
	return Stat{percentile(figures, 50), percentile(figures, 25), percentile(figures, 75), len(values), len(values) - len(quiet)}
}

// percentile returns the value that a share of v, in percent, is below: between
// two of them it is in proportion. v is not empty.
func percentile(v []float64, share float64) float64 {
	p, _ := stats.Percentile(v, share) // it fails only without values
	return p
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
var peers = [...]string{"limit", "packetmq", "gnet", "gnet-naive", "net", "net64k", "netpoll", "nbio", "grpc", "ttrpc", "netrpc", "arpc", "nats", "twisted"}

var modes = [...]string{"raw", "marshal", "typed", "any", "call", "go"}

func rank(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}
