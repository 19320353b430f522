package report

import (
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Verdict is one figure at one place.
type Verdict struct {
	Figure  string // its number
	What    string
	Where   string // the cell
	Got     string
	Want    string
	Outcome string // reached, not reached, or why nobody knows
}

// The peers that answer the same frames as packetmq, which it is to be no worse
// than.
var framed = []string{"gnet", "net", "net64k", "netpoll", "nbio"}

// others are all that packetmq's latency is compared with.
var others = append([]string{"gnet-naive", "grpc", "ttrpc", "nats", "twisted"}, framed...)

// Judge compares a run with the figures that packetmq sets itself.
func Judge(t *result.Table) []Verdict {
	j := &judge{t: t}
	for _, c := range t.Cells(result.Closed) {
		j.atMost("1", "raw ≤ 1.25 × limit, CPU", c, ours("raw"), limit, 1.25, perPacket)
	}
	for _, c := range t.Cells(result.Closed) {
		j.noWorse("1", "raw no worse than the best, CPU", c, "raw", framed, perPacket)
	}
	j.atMost("2", "MarshalMsg ≤ 1.8 × limit, CPU", capacity, ours("marshal"), limit, 1.8, perPacket)
	for _, mode := range []struct{ figure, name string }{{"3", "typed"}, {"4", "any"}} {
		for _, c := range t.Cells(result.Closed) {
			j.noWorse(mode.figure, mode.name+" no worse than the best that decodes, CPU", c, mode.name, framed, perPacket)
		}
	}
	j.atLeast("5", "grpc ≥ 7 × ours, CPU", result.Subject{Peer: "grpc", Mode: "raw"}, "raw", 7)
	j.atLeast("5", "NATS ≥ 18 × ours, CPU", result.Subject{Peer: "nats", Mode: "raw"}, "raw", 18)
	j.atLeast("5", "ttrpc ≥ 25 × ours, CPU", result.Subject{Peer: "ttrpc", Mode: "raw"}, "raw", 25)
	j.atLeast("5", "Twisted, decoding, ≥ 100 × ours raw, CPU", result.Subject{Peer: "twisted", Mode: "any"}, "raw", 100)
	j.atLeast("5", "Twisted, decoding, ≥ 100 × ours decoding, CPU", result.Subject{Peer: "twisted", Mode: "any"}, "any", 100)
	one := result.Cell{Group: result.Closed, Size: 64, Conns: 1, Depth: 1}
	j.noWorse("6", "p50 no worse than gnet's, µs", one, "raw", []string{"gnet"}, percentiles[0].of)
	j.noWorse("6", "p99.9 no worse than the best peer's, µs", one, "raw", others, percentiles[3].of)
	for _, c := range t.Cells(result.Open) {
		if c.Share == 0.6 {
			j.noWorse("6", "p99.9 no worse than the best peer's, µs", c, "raw", others, percentiles[3].of)
		}
	}
	j.growth()
	for _, c := range t.Cells(result.Idle) {
		j.add("9", "idle conn ≤ 768 B of heap and stacks", c.Name(), t.Of(ours("raw"), c, heap), 768, "")
	}
	j.loops()
	return j.verdicts
}

var capacity = result.Cell{Group: result.Closed, Size: 64, Conns: 64, Depth: 16}

func ours(mode string) result.Subject { return result.Subject{Peer: "packetmq", Mode: mode} }

type judge struct {
	t        *result.Table
	verdicts []Verdict
}

// add judges got, which is not to be above want.
func (j *judge) add(figure, what, where string, got result.Stat, want float64, whose string) {
	v := Verdict{Figure: figure, What: what, Where: where, Got: number(got.Median) + mark(got), Want: "≤ " + number(want) + whose}
	switch {
	case got.Median <= want:
		v.Outcome = "reached"
	case got.Least <= want:
		v.Outcome = "**not reached**, but within the spread"
	default:
		v.Outcome = "**not reached**"
	}
	j.verdicts = append(j.verdicts, v)
}

func (j *judge) unknown(figure, what, where string) {
	j.verdicts = append(j.verdicts, Verdict{figure, what, where, "–", "–", "not measured"})
}

// over divides a Stat.
func over(s result.Stat, by float64) result.Stat {
	s.Median /= by
	s.Least /= by
	s.Most /= by
	return s
}

func (j *judge) atMost(figure, what string, c result.Cell, a, b result.Subject, most float64, m result.Measure) {
	got, base := j.t.Of(a, c, m), j.t.Of(b, c, m)
	if !got.Known() || !base.Known() {
		j.unknown(figure, what, c.Name())
		return
	}
	j.add(figure, what, c.Name(), over(got, base.Median), most, "")
}

// noWorse compares with the best of the peers that were measured.
func (j *judge) noWorse(figure, what string, c result.Cell, mode string, peers []string, m result.Measure) {
	got := j.t.Of(ours(mode), c, m)
	best, name := result.Stat{}, ""
	for _, peer := range peers {
		s := j.t.Of(result.Subject{Peer: peer, Mode: mode}, c, m)
		if s.Known() && (name == "" || s.Median < best.Median) {
			best, name = s, peer
		}
	}
	if !got.Known() || name == "" {
		j.unknown(figure, what, c.Name())
		return
	}
	j.add(figure, what, c.Name(), got, best.Median, " ("+name+")")
}

func (j *judge) atLeast(figure, what string, other result.Subject, mode string, least float64) {
	a, b := j.t.Of(other, capacity, perPacket), j.t.Of(ours(mode), capacity, perPacket)
	if !a.Known() || !b.Known() {
		j.unknown(figure, what, capacity.Name())
		return
	}
	ratio := over(a, b.Median)
	v := Verdict{figure, what, capacity.Name(), number(ratio.Median) + mark(ratio), "≥ " + number(least), "reached"}
	switch {
	case ratio.Median >= least:
	case ratio.Most >= least:
		v.Outcome = "**not reached**, but within the spread"
	default:
		v.Outcome = "**not reached**"
	}
	j.verdicts = append(j.verdicts, v)
}

// growth compares how much more a packet costs on 10,000 conns than on 64 with
// how much more it costs limit.
func (j *judge) growth() {
	const what = "CPU at 10,000 conns ≤ 1.3 × that at 64, beyond what limit grows"
	cells := j.t.Cells(result.Growth)
	few := slices.IndexFunc(cells, func(c result.Cell) bool { return c.Conns == 64 })
	many := slices.IndexFunc(cells, func(c result.Cell) bool { return c.Conns == 10000 })
	if few < 0 || many < 0 {
		j.unknown("8", what, "growth")
		return
	}
	of := func(s result.Subject, i int) result.Stat { return j.t.Of(s, cells[i], perPacket) }
	a, b, c, d := of(ours("raw"), many), of(ours("raw"), few), of(limit, many), of(limit, few)
	if !a.Known() || !b.Known() || !c.Known() || !d.Known() {
		j.unknown("8", what, "growth")
		return
	}
	where := fmt.Sprintf("ours grows %s ×, limit %s ×", number(a.Median/b.Median), number(c.Median/d.Median))
	j.add("8", what, where, over(a, b.Median*c.Median/d.Median), 1.3, "")
}

// loops compares the time that a packet takes with two loops with that of one.
func (j *judge) loops() {
	const what = "two loops no slower than one, µs a packet"
	few, many, ok := loopsCells(j.t)
	if !ok {
		j.unknown("11", what, "loops")
		return
	}
	pace := func(s *result.Sample) float64 { return 1e6 / s.Throughput() }
	for _, s := range j.t.Subjects(result.Loops, "") {
		one, two := j.t.Of(s, few, pace), j.t.Of(s, many, pace)
		if one.Known() && two.Known() {
			j.add("11", what, s.String(), two, one.Median, "")
		}
	}
}
