package result

// Two results beside each other, and a result as Go benchmarks.

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Change is a subject under a cell in two files, by server CPU per packet.
type Change struct {
	Key
	Old, New Stat
	// OldRatio and NewRatio are multiples of limit, which leave the machine's
	// part out. They are not known where there is no limit.
	OldRatio, NewRatio Stat
}

// WriteChanges writes a table with a line for each change.
func WriteChanges(w io.Writer, changes []Change) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range changes {
		fmt.Fprintln(tw, strings.Join(changes[i].cells(), "\t"))
	}
	return tw.Flush()
}

// cells returns what a table shows of the change. The change beside limit is
// missing where limit was not measured.
func (c *Change) cells() []string {
	before, after := c.Old, c.New
	beside, within := "", ""
	if c.OldRatio.Known() && c.NewRatio.Known() {
		beside = "beside limit " + percent(c.OldRatio, c.NewRatio)
		if c.Subject != limit { // which is always the same beside itself
			before, after = c.OldRatio, c.NewRatio
		}
	}
	if after.Low <= before.High && after.High >= before.Low {
		within = "within the spread"
	}
	return []string{c.Subject.String(), c.Cell.Group, c.Cell.Name(),
		fmt.Sprintf("%.0f ns → %.0f ns", c.Old.Median, c.New.Median), percent(c.Old, c.New), beside, within}
}

// percent is by how much the median of after is more than that of before.
func percent(before, after Stat) string {
	return fmt.Sprintf("%+.1f %%", 100*(after.Median/before.Median-1))
}

var limit = Subject{"limit", "raw"}

// Compare returns what both files have, in the order of the first.
func Compare(before, after *File) []Change {
	a, b := NewTable(before), NewTable(after)
	var changes []Change
	seen := make(map[Key]bool)
	for i := range before.Samples {
		k := Key{before.Samples[i].Subject, before.Samples[i].Cell}
		if seen[k] || k.Cell.Group == Idle {
			continue
		}
		seen[k] = true
		of := func(t *Table) (cost, ratio Stat) {
			return t.Of(k.Subject, k.Cell, (*Sample).PerPacket), t.Ratio(k.Subject, limit, k.Cell, (*Sample).PerPacket)
		}
		c := Change{Key: k}
		c.Old, c.OldRatio = of(a)
		c.New, c.NewRatio = of(b)
		if c.Old.Known() && c.New.Known() {
			changes = append(changes, c)
		}
	}
	return changes
}

// Benchmarks writes a line of Go's benchmark format for each sample, so that
// benchstat can compare files.
func Benchmarks(w io.Writer, f *File) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "goos: linux\npkg: github.com/packetmq/packetmq/bench/versus\ncpu: %s\ncommit: %s\n", f.Machine.CPU, f.Machine.Commit)
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Failure != "" || s.Errors > 0 {
			continue
		}
		fmt.Fprintf(b, "BenchmarkVersus/peer=%s/mode=%s/group=%s/cell=%s ", s.Peer, s.Mode, s.Cell.Group, strings.ReplaceAll(s.Cell.Name(), " ", "_"))
		if s.Cell.Group == Idle {
			fmt.Fprintf(b, "1 %.0f RSS-B/conn %.0f heap-B/conn\n", s.RSS, s.Heap)
			continue
		}
		fmt.Fprintf(b, "%d %.1f cpu-ns/packet %.0f packets/s %d p50-ns %d p99-ns %d p99.9-ns\n",
			s.Packets, s.PerPacket(), s.Throughput(), s.P50, s.P99, s.P999)
	}
	return b.Flush()
}
