package report

// The report in Markdown: its head, its verdicts, and how a table is written.

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// About says what a peer is.
type About struct{ Name, About string }

// Markdown writes the report of a file.
func Markdown(w io.Writer, f *result.File, peers []About) error {
	p := &page{t: result.NewTable(f)}
	p.head(peers)
	p.verdicts()
	p.closed()
	p.open()
	p.growth()
	p.idle()
	p.loops()
	p.calls()
	p.webSocket()
	p.rooms()
	p.sessions()
	p.cluster()
	p.failures()
	_, err := io.WriteString(w, p.String())
	return err
}

type page struct {
	strings.Builder
	t *result.Table
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) head(peers []About) {
	m := &p.t.File.Machine
	p.f("# packetmq beside others\n\n")
	p.f("Made by `%s` and `bin/versus report`.\n\n", m.Command)
	p.f("| | |\n|---|---|\n")
	p.f("| machine | %s, %d CPUs |\n| kernel | %s |\n", m.CPU, m.CPUs, m.Kernel)
	p.f("| Go | %s, GOMAXPROCS=%d for every Go server and caller |\n| C | %s, -O2 |\n", m.Go, m.GOMAXPROCS, m.CC)
	p.f("| commit | %s |\n| date | %s |\n", m.Commit, m.Date.Format(time.RFC3339))
	p.f("| rounds | %d of %s each |\n", m.Rounds, m.Window)
	noisy := 0
	for i := range p.t.File.Samples {
		if p.t.File.Samples[i].Noise > result.Quiet {
			noisy++
		}
	}
	p.f("| samples | %d, of which %d while others used more than %.0f %% of the machine |\n", len(p.t.File.Samples), noisy, 100*result.Quiet)
	if m.Cut {
		p.f("\n**This run was interrupted.**\n")
	}
	p.f(`
The server runs on one CPU and the load on the other. Server CPU per packet is what to trust on a machine that is shared: the
time that all of the server's threads had, user and system, divided by the packets that were answered. A packet is a round
trip; every byte of every answer is checked. In each round all servers of a cell take their turn under the
load, in another order. Each figure is a median over rounds, with the quartiles beside it: half of the rounds are between them.

**Ratios are of pairs**: of two samples of the same round, which were taken within seconds, so that what slows the machine down
slows both; a ratio is the median over rounds of those, with their quartiles, and not the ratio of two medians. A round counts
if it has both. Rounds that were not quiet, for either of the two, count only where more than half were not; such figures bear a ~.
Differences under 15 %% mean nothing.

`)
	p.f("| server | |\n|---|---|\n")
	for _, a := range peers {
		p.f("| %s | %s |\n", a.Name, a.About)
	}
	p.f("\n")
}

func (p *page) verdicts() {
	p.f("## What was to be reached\n\nThe best peer is the one beside which ours is at its worst, by pairs: 1.00 is as good as it. " +
		"A figure is within the spread where its median is not what is wanted, but a quartile is.\n\n| | figure | | got | wanted | |\n|---|---|---|---:|---:|---|\n")
	for _, v := range Judge(p.t) {
		p.f("| %s | %s | %s | %s | %s | %s |\n", v.Figure, v.What, v.Where, v.Got, v.Want, v.outcome())
	}
	p.f("\nNot judged by this run: 7 (allocations: `make test`), 10 (in process: `go test -run '^$' -bench . ./inproc` in bench/versus).\n\n")
}

// table writes a table with a line for each subject and a column for each cell.
func (p *page) table(title string, subjects []result.Subject, cells []result.Cell, value func(result.Subject, result.Cell) string) {
	if len(subjects) == 0 || len(cells) == 0 {
		return
	}
	p.f("%s\n\n|", title)
	for _, c := range cells {
		p.f(" | %s", c.Name())
	}
	p.f(" |\n|---|%s\n", strings.Repeat("---:|", len(cells)))
	for _, s := range subjects {
		p.f("| %s |", s)
		for _, c := range cells {
			p.f(" %s |", value(s, c))
		}
		p.f("\n")
	}
	p.f("\n")
}

// absolute shows a figure as it is.
func (p *page) absolute(m result.Measure, scale float64) func(result.Subject, result.Cell) string {
	return func(s result.Subject, c result.Cell) string { return spread(p.t.Of(s, c, m), scale) }
}

// ratio shows a figure as a multiple of another subject's.
func (p *page) ratio(to result.Subject, m result.Measure) func(result.Subject, result.Cell) string {
	return func(s result.Subject, c result.Cell) string { return spread(p.t.Ratio(s, to, c, m), 1) }
}
