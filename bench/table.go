package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints rows in columns, flush right.
func table(w io.Writer, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t")+"\t")
	}
	tw.Flush()
}

// header goes with the rows of sample.row.
func header() []string {
	return []string{"", "conns", "packets", "packets/s", "p50", "p99", "max", "errors"}
}

func (s *sample) row(name string, perSecond float64) []string {
	return []string{name, thousands(int64(s.Conns)), thousands(s.Packets), rate(perSecond),
		latency(s.P50), latency(s.P99), latency(s.Max), thousands(s.Errors)}
}

// live is one line a second. The name says what the numbers are of, conns what
// the conns are.
func (s *sample) live(conns, name string) string {
	line := fmt.Sprintf("%5s  %s  %s%11s packets/s  p50 %8s  p99 %8s",
		elapsed(s.At), conns, name, rate(s.rate()), latency(s.P50), latency(s.P99))
	if s.Errors > 0 {
		line += "  " + plural(s.Errors, "error")
	}
	return line
}

// elapsed rounds to a tenth of a second: "3s", "3.1s", "1m0s".
func elapsed(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// latency has three digits or so, and the unit: "2.4 µs", "0.21 ms", "1.50 s".
func latency(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func rate(r float64) string { return thousands(int64(math.Round(r))) }

// thousands separates them: "1,234,567".
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}
