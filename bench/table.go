package bench

// Lines and tables of figures, for people.

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
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
	return []string{name, figures.Count(s.Conns), figures.Count(s.Packets), rate(perSecond),
		figures.Latency(s.P50), figures.Latency(s.P99), figures.Latency(s.Max), figures.Count(s.Errors)}
}

// live is one line a second. The name says what the numbers are of, conns what
// the conns are.
func (s *sample) live(conns, name string) string {
	line := fmt.Sprintf("%5s  %s  %s%11s packets/s  p50 %8s  p99 %8s",
		elapsed(s.At), conns, name, rate(s.rate()), figures.Latency(s.P50), figures.Latency(s.P99))
	if s.Errors > 0 {
		line += "  " + figures.Plural(s.Errors, "error")
	}
	return line
}

// elapsed rounds to a tenth of a second: "3s", "3.1s", "1m0s".
func elapsed(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

func rate(r float64) string { return figures.Count(int64(math.Round(r))) }
