package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

var (
	limit = result.Subject{Peer: "limit", Mode: "raw"}
	naive = result.Subject{Peer: "gnet-naive", Mode: "raw"}
)

// perPacket, throughput and the rest are what tables are of.
var (
	perPacket  = (*result.Sample).PerPacket
	throughput = (*result.Sample).Throughput
	serverUse  = (*result.Sample).ServerUse
	loadUse    = (*result.Sample).LoadUse
	rss        = func(s *result.Sample) float64 { return s.RSS }
	heap       = func(s *result.Sample) float64 { return s.Heap }
)

func percentile(of func(*result.Load) int64) result.Measure {
	return func(s *result.Sample) float64 { return float64(of(&s.Load)) / 1e3 }
}

// percentiles are in microseconds.
var percentiles = []struct {
	name string
	of   result.Measure
}{
	{"p50", percentile(func(l *result.Load) int64 { return l.P50 })},
	{"p90", percentile(func(l *result.Load) int64 { return l.P90 })},
	{"p99", percentile(func(l *result.Load) int64 { return l.P99 })},
	{"p99.9", percentile(func(l *result.Load) int64 { return l.P999 })},
	{"max", percentile(func(l *result.Load) int64 { return l.Max })},
}

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

// spread shows a median, and the quartiles where they are not the same.
func spread(s result.Stat, scale float64) string {
	if !s.Known() || s.Low == s.High {
		return median(s, scale)
	}
	return fmt.Sprintf("%s <sub>%s–%s</sub>", median(s, scale), number(s.Low*scale), number(s.High*scale))
}

func median(s result.Stat, scale float64) string {
	if !s.Known() {
		return "–"
	}
	return number(s.Median*scale) + mark(s)
}

// mark is beside what was measured while others used the machine.
func mark(s result.Stat) string {
	if s.Marked() {
		return "~"
	}
	return ""
}

// number has about three digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (p *page) closed() {
	cells := p.t.Cells(result.Closed)
	if len(cells) == 0 {
		return
	}
	all := p.t.Subjects(result.Closed, "")
	raw := p.t.Subjects(result.Closed, "raw")
	decoding := slices.DeleteFunc(slices.Clone(all), func(s result.Subject) bool { return s.Mode == "raw" })
	p.f("## Closed loop: payload, conns × packets under way on each\n\n![CPU per packet](cpu.svg)\n\n![throughput](throughput.svg)\n\n")
	p.table("### Server CPU per packet, as a multiple of limit's: payloads as they are", raw, cells, p.ratio(limit, perPacket))
	p.table("### Server CPU per packet, as a multiple of limit's: payloads decoded and encoded", decoding, cells, p.ratio(limit, perPacket))
	p.table("### Server CPU per packet, as a multiple of gnet-naive's", all, cells, p.ratio(naive, perPacket))
	p.table("### Server CPU per packet, in ns", all, cells, p.absolute(perPacket, 1))
	p.table("### Throughput, as a multiple of limit's", all, cells, p.ratio(limit, throughput))
	p.table("### Throughput, as a multiple of gnet-naive's", all, cells, p.ratio(naive, throughput))
	p.table("### Throughput, in thousands of packets a second", all, cells, p.absolute(throughput, 1e-3))
	for _, q := range percentiles {
		p.table("### Latency, "+q.name+", in µs", all, cells, p.absolute(q.of, 1))
	}
	p.table("### Share of a CPU that server / load had, in %", all, cells, p.use)
	p.f("A load near 100 %% with a server far below is the bottleneck; it does not change the server's CPU per packet much, but its throughput.\n\n")
}

func (p *page) use(s result.Subject, c result.Cell) string {
	a, b := p.t.Of(s, c, serverUse), p.t.Of(s, c, loadUse)
	if !a.Known() {
		return "–"
	}
	return fmt.Sprintf("%.0f / %.0f", 100*a.Median, 100*b.Median)
}

func (p *page) open() {
	cells := p.t.Cells(result.Open)
	if len(cells) == 0 {
		return
	}
	subjects := p.t.Subjects(result.Open, "")
	p.f("## Open loop: 64 B at a share of the server's own capacity\n\nThe capacity is its throughput at %s. Latency counts from when a packet was to be sent.\n\n![latency](latency.svg)\n\n", result.Cell{Group: result.Closed, Size: 64, Conns: 64, Depth: 16}.Name())
	p.table("### Packets a second, in thousands", subjects, cells, p.absolute(throughput, 1e-3))
	for _, q := range percentiles {
		p.table("### Latency, "+q.name+", in µs", subjects, cells, p.absolute(q.of, 1))
	}
	for _, q := range percentiles {
		p.table("### Latency, "+q.name+", as a multiple of limit's", subjects, cells, p.ratio(limit, q.of))
	}
	p.table("### Server CPU per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
	p.table("### Share of a CPU that server / load had, in %", subjects, cells, p.use)
}

func (p *page) growth() {
	cells := p.t.Cells(result.Growth)
	if len(cells) == 0 {
		return
	}
	subjects := p.t.Subjects(result.Growth, "")
	p.f("## Growth: %d packets under way, going round more and more conns\n\nConnecting takes long here, so that there are fewer rounds.\n\n![growth](growth.svg)\n\n", cells[0].Inflight)
	p.table("### Server CPU per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
	p.table("### Server CPU per packet, as a multiple of limit's", subjects, cells, p.ratio(limit, perPacket))
	p.table("### Server CPU per packet, as a multiple of gnet-naive's", subjects, cells, p.ratio(naive, perPacket))
}

func (p *page) idle() {
	cells := p.t.Cells(result.Idle)
	if len(cells) == 0 {
		return
	}
	p.f("## Memory of an idle conn\n\n![memory](memory.svg)\n\nWhat the server's processes grow by with so many conns, handshake done, divided by their number: resident memory, and Go's live heap and stacks.\nMemory in the kernel is not in it.\n\n")
	p.f("| | conns | resident, B | multiple of limit's | of gnet-naive's | heap and stacks, B |\n|---|---:|---:|---:|---:|---:|\n")
	for _, s := range p.t.Subjects(result.Idle, "") {
		for _, c := range cells {
			h, own := "–", p.t.Of(s, c, heap)
			if own.Median != 0 {
				h = number(own.Median)
			}
			p.f("| %s | %d | %s | %s | %s | %s |\n", s, c.Conns, number(p.t.Of(s, c, rss).Median), p.ratio(limit, rss)(s, c), p.ratio(naive, rss)(s, c), h)
		}
	}
	p.f("\n")
}

// loops shows what more loops give. Where server and load use up the machine
// together, a second loop can give no more than the machine has left beside one.
func (p *page) loops() {
	one, two, ok := loopsCells(p.t)
	if !ok {
		return
	}
	subjects := p.t.Subjects(result.Loops, "")
	p.f("## %d loops\n\nServer and load share both CPUs here, and nothing is bound to one. What one loop and the load leave free is what a second one can have; "+
		"beyond that it takes from the load what it gives to the server. ", two.Loops)
	if slices.Contains(subjects, limit) {
		p.f("limit, with a thread for each loop, shows what that does to a server which does nothing but read and write.")
	}
	p.f("\n\n")
	p.f("| | with one, packets/s in thousands | CPUs of server / load | with %d | CPUs of server / load | gain |\n|---|---:|---:|---:|---:|---:|\n", two.Loops)
	for _, s := range subjects {
		if got := gain(p.t, s, two, one); got.Known() {
			p.f("| %s | %s | %s | %s | %s | %s |\n", s, p.absolute(throughput, 1e-3)(s, one), p.cpus(s, one),
				p.absolute(throughput, 1e-3)(s, two), p.cpus(s, two), spread(got, 1))
		}
	}
	p.f("\n")
}

// loopsCells are those with the fewest loops and with the most.
func loopsCells(t *result.Table) (few, many result.Cell, ok bool) {
	cells := t.Cells(result.Loops)
	if len(cells) < 2 {
		return few, many, false
	}
	slices.SortFunc(cells, func(a, b result.Cell) int { return a.Loops - b.Loops })
	return cells[0], cells[len(cells)-1], true
}

func (p *page) cpus(s result.Subject, c result.Cell) string {
	return fmt.Sprintf("%s / %s", number(p.t.Of(s, c, serverUse).Median), number(p.t.Of(s, c, loadUse).Median))
}

func (p *page) failures() {
	title := "## What failed\n\n"
	for i := range p.t.File.Samples {
		s := &p.t.File.Samples[i]
		if s.Failure != "" {
			p.f("%s- %s, %s %s, round %d: %s\n", title, s.Subject, s.Cell.Group, s.Cell.Name(), s.Round+1, strings.ReplaceAll(s.Failure, "\n", " "))
			title = ""
		}
	}
}
