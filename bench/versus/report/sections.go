package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// The sections of the report, one for each group of cells.

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

func (p *page) calls() {
	cells := p.t.Cells(result.Calls)
	if len(cells) == 0 {
		return
	}
	subjects := p.t.Subjects(result.Calls, "")
	base := ours("typed")
	p.f("## Calls: a struct each way, conns × calls under way on each\n\n![CPU per call](calls.svg)\n\n"+
		"Every server has its own library's client for a load, in Go, with a goroutine for each call under way that waits for its answer. "+
		"The struct has two numbers of 64 bits and 31 bytes; how much that is on the wire is up to the library, 64 B with msgpack. "+
		"%s is two packets whose answers the client tells apart by a number in them, which is what a program writes that has no calls. "+
		"%s is call.Do of package call, from those goroutines; %s is call.Go, whose answers and next calls are on the client's loop.\n\n", base, ours("call"), ours("go"))
	p.table("### Server CPU per call, as a multiple of that of "+base.String(), subjects, cells, p.ratio(base, perPacket))
	p.table("### Server CPU per call, in ns", subjects, cells, p.absolute(perPacket, 1))
	p.table("### Calls a second, in thousands", subjects, cells, p.absolute(throughput, 1e-3))
	for _, q := range percentiles {
		p.table("### Latency, "+q.name+", in µs", subjects, cells, p.absolute(q.of, 1))
	}
	p.table("### Objects that the client allocates for a call", subjects, cells, p.absolute(loadAllocs, 1))
	p.table("### Share of a CPU that server / load had, in %", subjects, cells, p.use)
}

func (p *page) rooms() {
	cells := p.t.Cells(result.Rooms)
	if len(cells) == 0 {
		return
	}
	subjects := p.t.Subjects(result.Rooms, "")
	p.f("## Rooms: one packet to all members, members × packets under way\n\n"+
		"One conn more says something, and the server sends that to all; when the last member has it, the next is said. "+
		"A packet is what one member gets, so that 1,000 of them are one packet to the room. All members are sockets of one process, which reads them, compares every byte, and does nothing else. "+
		"Payloads are the same for all, what is around them is up to the library: a frame of 6 bytes, NATS' line of text, or for melody and centrifuge, which have nothing else, a WebSocket frame, with centrifuge's JSON in it. "+
		"%s is a C program that writes the bytes of all frames that have come at once to each member, without a queue for those who do not read.\n\n", writes)
	p.table("### Server CPU per packet, as a multiple of that of "+writes.String(), subjects, cells, p.ratio(writes, perPacket))
	p.table("### Server CPU per packet, as a multiple of that of "+ours("room").String(), subjects, cells, p.ratio(ours("room"), perPacket))
	p.table("### Server CPU per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
	p.table("### Packets a second, in thousands", subjects, cells, p.absolute(throughput, 1e-3))
	for _, q := range percentiles[:3] {
		p.table("### Until the last member has it, "+q.name+", in µs", subjects, cells, p.absolute(q.of, 1))
	}
	p.table("### Share of a CPU that server / load had, in %", subjects, cells, p.use)
}

func (p *page) webSocket() {
	cells := p.t.Cells(result.WebSocket)
	if len(cells) == 0 {
		return
	}
	subjects := p.t.Subjects(result.WebSocket, "")
	base := ours("raw")
	p.f("## WebSocket: 64 B, conns × packets under way on each\n\n"+
		"A packet is a masked binary message. The other libraries answer each by a message, as their examples do; packetmq answers all that it has read by one. "+
		"%s is over TCP.\n\n", base)
	p.table("### Server CPU per packet, as a multiple of that of "+base.String()+" over TCP", subjects, cells, p.ratio(base, perPacket))
	p.table("### Server CPU per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
	p.table("### Throughput, in thousands of packets a second", subjects, cells, p.absolute(throughput, 1e-3))
	p.table("### Share of a CPU that server / load had, in %", subjects, cells, p.use)
}

func (p *page) sessions() {
	all := p.t.Cells(result.Sessions)
	if len(all) == 0 {
		return
	}
	subjects, base := p.t.Subjects(result.Sessions, ""), ours("typed")
	cells := slices.DeleteFunc(slices.Clone(all), func(c result.Cell) bool { return c.Cut })
	cuts := slices.DeleteFunc(slices.Clone(all), func(c result.Cell) bool { return !c.Cut })
	p.f("## Sessions: 64 B, conns × packets under way on each, and conns that are all cut\n\n"+
		"A packet is a struct that is answered by another one. %s sends both on the conn; %s sends both in a session, which keeps them until they are acknowledged. "+
		"Server and client are packetmq's, the client with a goroutine for each packet under way.\n\n", base, ours("session"))
	if len(cells) > 0 {
		p.table("### Server CPU per packet, as a multiple of that of "+base.String(), subjects, cells, p.ratio(base, perPacket))
		p.table("### Server CPU per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
		p.table("### Packets a second, in thousands", subjects, cells, p.absolute(throughput, 1e-3))
		p.table("### Objects that the client allocates for a packet", subjects, cells, p.absolute(loadAllocs, 1))
	}
	if len(cuts) == 0 {
		return
	}
	own := []result.Subject{ours("session")}
	p.f("Where all conns are cut, the server aborts them at the client's word, in the midst of packets. The client sends more, and comes back with its default back-off. " +
		"Times are from the cut until an answer. Each answer must come once and in order; a run in which one does not is under what failed.\n\n")
	p.table("### Until all sessions have all of their answers, in ms", own, cuts, p.absolute(seconds, 1e3))
	for _, q := range []int{0, 2} {
		p.table("### Until an answer, "+percentiles[q].name+", in ms", own, cuts, p.absolute(percentiles[q].of, 1e-3))
	}
	p.table("### Server CPU per answer, with what the sessions take to come back, in µs", own, cuts, p.absolute(perPacket, 1e-3))
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
