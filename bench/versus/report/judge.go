package report

// The figures that packetmq sets itself, and whether a run reached them.

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
	Remark  string // what a reader should know beside it; mostly nothing
}

// outcome is that with the remark.
func (v *Verdict) outcome() string {
	if v.Remark == "" {
		return v.Outcome
	}
	return v.Outcome + "; " + v.Remark
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
		j.overLimit("1", "raw ≤ 1.25 × limit, CPU", c, "raw", 1.25)
	}
	for _, c := range t.Cells(result.Closed) {
		j.noWorse("1", "raw no worse than the best, CPU", c, "raw", framed, perPacket)
	}
	j.overLimit("2", "MarshalMsg ≤ 1.8 × limit, CPU", capacity, "marshal", 1.8)
	for _, mode := range []struct{ figure, name string }{{"3", "typed"}, {"4", "any"}} {
		for _, c := range t.Cells(result.Closed) {
			j.noWorse(mode.figure, mode.name+" no worse than the best that decodes, CPU", c, mode.name, framed, perPacket)
		}
	}
	j.atLeast("5", "grpc ≥ 7 × ours, CPU", result.Subject{Peer: "grpc", Mode: "raw"}, capacity, "raw", 7)
	j.atLeast("5", "NATS ≥ 18 × ours, CPU", result.Subject{Peer: "nats", Mode: "raw"}, capacity, "raw", 18)
	j.atLeast("5", "ttrpc ≥ 25 × ours, CPU", result.Subject{Peer: "ttrpc", Mode: "raw"}, capacity, "raw", 25)
	j.atLeast("5", "Twisted, decoding, ≥ 100 × ours raw, CPU", result.Subject{Peer: "twisted", Mode: "any"}, capacity, "raw", 100)
	j.atLeast("5", "Twisted, decoding, ≥ 100 × ours decoding, CPU", result.Subject{Peer: "twisted", Mode: "any"}, capacity, "any", 100)
	one := result.Cell{Group: result.Closed, Size: 64, Conns: 1, Depth: 1}
	j.noWorse("6", "p50 no worse than gnet's", one, "raw", []string{"gnet"}, percentiles[0].of)
	j.noWorse("6", "p99.9 no worse than the best peer's", one, "raw", others, percentiles[3].of)
	for _, c := range t.Cells(result.Open) {
		if c.Share == 0.6 {
			j.noWorse("6", "p99.9 no worse than the best peer's", c, "raw", others, percentiles[3].of)
		}
	}
	j.growth()
	for _, c := range t.Cells(result.Idle) {
		j.atMost("9", "idle conn ≤ 768 B of heap and stacks", c.Name(), t.Of(ours("raw"), c, heap), 768, "")
	}
	j.loops()
	j.calls()
	j.rooms()
	j.sessions()
	j.cluster()
	return j.verdicts
}

var capacity = result.Cell{Group: result.Closed, Size: 64, Conns: 64, Depth: 16}

func ours(mode string) result.Subject { return result.Subject{Peer: "packetmq", Mode: mode} }

type judge struct {
	t        *result.Table
	verdicts []Verdict
}

// atMost judges got, which is not to be above most.
func (j *judge) atMost(figure, what, where string, got result.Stat, most float64, whose string) {
	j.add(figure, what, where, got, "≤ "+number(most)+whose, got.Median <= most, got.Low <= most)
}

// add adds a verdict. reached says that the median of got is as wanted, and nearly
// that at least a quartile is.
func (j *judge) add(figure, what, where string, got result.Stat, want string, reached, nearly bool) {
	v := Verdict{Figure: figure, What: what, Where: where, Got: "–", Want: "–", Outcome: "not measured"}
	if got.Known() {
		v.Got, v.Want, v.Outcome = spread(got, 1), want, "**not reached**"
		switch {
		case reached:
			v.Outcome = "reached"
		case nearly:
			v.Outcome += ", but within the spread"
		}
	}
	j.verdicts = append(j.verdicts, v)
}

// remark adds a remark to the last verdict.
func (j *judge) remark(s string) { j.verdicts[len(j.verdicts)-1].Remark = s }

// noWorse compares ours, by pairs, with the peer that does best beside it in the same mode.
func (j *judge) noWorse(figure, what string, c result.Cell, mode string, peers []string, m result.Measure) {
	j.noWorseIn(figure, what, c, ours(mode), mode, peers, m)
}

// noWorseIn is noWorse with peers in a mode that need not be that of ours.
func (j *judge) noWorseIn(figure, what string, c result.Cell, our result.Subject, mode string, peers []string, m result.Measure) {
	var worst result.Stat
	var name string
	for _, peer := range peers {
		beside := j.t.Ratio(our, result.Subject{Peer: peer, Mode: mode}, c, m)
		if beside.Known() && (name == "" || beside.Median > worst.Median) {
			worst, name = beside, peer
		}
	}
	j.atMost(figure, what, c.Name(), worst, 1, " × "+name)
}

func (j *judge) overLimit(figure, what string, c result.Cell, mode string, most float64) {
	j.atMost(figure, what, c.Name(), j.t.Ratio(ours(mode), limit, c, perPacket), most, "")
}

func (j *judge) atLeast(figure, what string, other result.Subject, c result.Cell, mode string, least float64) {
	j.atLeastBeside(figure, what, other, c, mode, least, limit)
}

// atLeastBeside is atLeast where the cheapest server that there can be is another one.
func (j *judge) atLeastBeside(figure, what string, other result.Subject, c result.Cell, mode string, least float64, cheapest result.Subject) {
	got := j.t.Ratio(other, ours(mode), c, perPacket)
	j.add(figure, what, c.Name(), got, "≥ "+number(least), got.Median >= least, got.High >= least)
	if got.Known() && got.Median < least {
		j.remark(floor(j.t, other, cheapest, c))
	}
}

// floor says what a server that takes no more than the cheapest would reach beside a
// peer.
func floor(t *result.Table, s, cheapest result.Subject, c result.Cell) string {
	got := t.Ratio(s, cheapest, c, perPacket)
	if !got.Known() {
		return ""
	}
	return fmt.Sprintf("%s takes %s × %s here, and so a server as cheap as that would be at %[2]s", s, number(got.Median), cheapest)
}

// growth compares how much more a packet costs on 10,000 conns than on 64 with
// how much more it costs limit.
func (j *judge) growth() {
	const what = "CPU at 10,000 conns ≤ 1.3 × that at 64, beyond what limit grows"
	where, got := "growth", result.Stat{}
	cells := j.t.Cells(result.Growth)
	few := slices.IndexFunc(cells, func(c result.Cell) bool { return c.Conns == 64 })
	many := slices.IndexFunc(cells, func(c result.Cell) bool { return c.Conns == 10000 })
	if few >= 0 && many >= 0 {
		own := func(i int) result.Key { return result.Key{Subject: ours("raw"), Cell: cells[i]} }
		base := func(i int) result.Key { return result.Key{Subject: limit, Cell: cells[i]} }
		got = j.t.Quotient(perPacket, []result.Key{own(many), base(few)}, []result.Key{own(few), base(many)})
	}
	if got.Known() {
		grows := func(s result.Subject) string {
			return number(j.t.Of(s, cells[many], perPacket).Median / j.t.Of(s, cells[few], perPacket).Median)
		}
		where = fmt.Sprintf("ours grows %s ×, limit %s ×", grows(ours("raw")), grows(limit))
	}
	j.atMost("8", what, where, got, 1.3, "")
}

// loops compares the time that a packet takes with two loops with that of one.
func (j *judge) loops() {
	const what = "two loops no slower than one, time for a packet"
	few, many, _ := loopsCells(j.t)
	judged := false
	for _, s := range j.t.Subjects(result.Loops, "") {
		if s.Peer == ours("").Peer {
			j.atMost("11", what, s.String(), gain(j.t, s, few, many), 1, "")
			if floor := gain(j.t, limit, few, many); floor.Known() {
				j.remark("limit is at " + spread(floor, 1))
			}
			judged = true
		}
	}
	if !judged {
		j.atMost("11", what, "loops", result.Stat{}, 1, "")
	}
}

// calls compares calls with the packets that they are made of, and with those of others.
func (j *judge) calls() {
	one, many := callsCell(1, 1), callsCell(64, 16)
	j.atMost("12", "a call ≤ 1.35 × a typed packet and its reply, CPU", many.Name(), j.t.Ratio(ours("call"), ours("typed"), many, perPacket), 1.35, "")
	for _, other := range []struct {
		peer  string
		least float64
	}{{"grpc", 7}, {"ttrpc", 10}, {"netrpc", 2}, {"arpc", 2}} {
		what := fmt.Sprintf("calls of %s ≥ %g × ours, CPU", other.peer, other.least)
		j.atLeast("12", what, result.Subject{Peer: other.peer, Mode: "call"}, many, "call", other.least)
	}
	for _, our := range []struct{ name, mode string }{{"Do", "call"}, {"Go", "go"}} {
		for _, q := range []int{0, 3} {
			what := fmt.Sprintf("%s of %s no worse than the best", percentiles[q].name, our.name)
			j.noWorseIn("12", what, one, ours(our.mode), "call", called, percentiles[q].of)
		}
	}
}

// called are the peers that calls are compared with.
var called = []string{"grpc", "ttrpc", "netrpc", "arpc", "nats"}

func callsCell(conns, depth int) result.Cell {
	return result.Cell{Group: result.Calls, Size: 64, Conns: conns, Depth: depth}
}

// rooms compares a packet to all members of a room with the same bytes written by the C program,
// and with the rooms of others.
func (j *judge) rooms() {
	cells := j.t.Cells(result.Rooms)
	if len(cells) == 0 {
		cells = []result.Cell{{Group: result.Rooms, Size: 64, Conns: 1000, Depth: 1}}
	}
	for _, c := range cells {
		if c.Depth == 1 { // with more, the C program has one write for all of them
			j.atMost("13", "a packet to a room ≤ 1.2 × the C program's writes, CPU", c.Name(), j.t.Ratio(ours("room"), writes, c, perPacket), 1.2, "")
		}
	}
	for _, peer := range []string{"melody", "centrifuge", "nats"} {
		for _, c := range cells {
			j.atLeastBeside("13", "a room of "+peer+" ≥ 3 × ours, CPU", result.Subject{Peer: peer, Mode: "room"}, c, "room", 3, writes)
		}
	}
}

// sessions compares packets of sessions with others, and looks how soon sessions are back whose conns
// were all cut.
func (j *judge) sessions() {
	many := result.Cell{Group: result.Sessions, Size: 64, Conns: 64, Depth: 16}
	cut := result.Cell{Group: result.Sessions, Conns: 10000, Cut: true}
	j.atMost("14", "a session's packet ≤ 1.15 × a typed packet and its reply, CPU", many.Name(), j.t.Ratio(ours("session"), ours("typed"), many, perPacket), 1.15, "")
	j.atMost("14", "10,000 sessions that are cut are back within 3 s, none lost or doubled", cut.Name(), j.t.Of(ours("session"), cut, seconds), 3, " s")
}

// writes is the C program that sends to a room.
var writes = result.Subject{Peer: "limit", Mode: "room"}

// gain returns the throughput under one cell as a multiple of that under another.
func gain(t *result.Table, s result.Subject, of, to result.Cell) result.Stat {
	return t.Quotient(throughput, []result.Key{{Subject: s, Cell: of}}, []result.Key{{Subject: s, Cell: to}})
}
