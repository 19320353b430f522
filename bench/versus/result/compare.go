package result

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Change is a subject under a cell in two files, by server CPU per packet.
type Change struct {
	Key
	Old, New Stat
	// Base is how limit changed, which is the machine's part.
	Base float64
}

// String is a line of a table.
func (c Change) String() string {
	apart := "within the spread"
	if c.New.Least > c.Old.Most || c.New.Most < c.Old.Least {
		apart = ""
	}
	line := fmt.Sprintf("%-16s %-8s %-14s %9.0f ns → %9.0f ns  %+6.1f %%", c.Subject, c.Cell.Group, c.Cell.Name(), c.Old.Median, c.New.Median, 100*(c.New.Median/c.Old.Median-1))
	if c.Base > 0 {
		line += fmt.Sprintf("  beside limit %+6.1f %%", 100*(c.New.Median/c.Old.Median/c.Base-1))
	}
	return strings.TrimRight(line+"  "+apart, " ")
}

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
		of := func(t *Table, s Subject) Stat { return t.Of(s, k.Cell, (*Sample).PerPacket) }
		c := Change{Key: k, Old: of(a, k.Subject), New: of(b, k.Subject)}
		if !c.Old.Known() || !c.New.Known() {
			continue
		}
		limit := Subject{"limit", "raw"}
		if x, y := of(a, limit), of(b, limit); x.Known() && y.Known() {
			c.Base = y.Median / x.Median
		}
		changes = append(changes, c)
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
