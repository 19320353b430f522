package report

// The clusters: their section of the report, their figures, and their table for a terminal.

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/bench/versus/result"
)

func nats(mode string) result.Subject { return result.Subject{Peer: "nats", Mode: mode} }

// natsFloor is NATS in packetmq's topology, with the least in between.
func natsFloor(mode string) result.Subject { return result.Subject{Peer: "natsfloor", Mode: mode} }

// nodesUse is the share of a CPU that each node has had.
func nodesUse(s *result.Sample) float64 { return s.ServerUse() / float64(s.Conns) }

// clusterCells are those of one way.
func (p *page) clusterCells(way string) []result.Cell {
	return slices.DeleteFunc(p.t.Cells(result.Cluster), func(c result.Cell) bool { return c.Way != way })
}

// subjectsOf are those that were measured under cells.
func (p *page) subjectsOf(cells []result.Cell) []result.Subject {
	return slices.DeleteFunc(p.t.Subjects(result.Cluster, ""), func(s result.Subject) bool {
		return !slices.ContainsFunc(cells, func(c result.Cell) bool { return p.t.Of(s, c, perPacket).Known() })
	})
}

func (p *page) cluster() {
	if len(p.t.Cells(result.Cluster)) == 0 {
		return
	}
	p.f("## Clusters: 64 B between nodes, pairs × packets under way on each\n\n" +
		"Each node is a process; nodes and load share both CPUs, with the GOMAXPROCS that they find. What counts is the CPU of all processes, the load's among them, and the time until a packet has come. " +
		"NATS is the same servers with the same options, and clients of nats.go; it promises less: a message at most once, no packet kept for a reader that is slow, nothing said to a sender that is too fast. " +
		"packetmq finds what is missing and sends it again, in order and within bounds, looks up where the user is, and has a handler of each node in between. " +
		"natsfloor is the least in packetmq's topology, client, node, server, route, server, node, client: what it takes beyond NATS is the topology's, and what packetmq takes beyond it is packetmq's.\n\n")
	for _, part := range []struct{ way, about string }{
		{result.ToUser, "A packet from a client at one node to a client at another."},
		{result.ToNode, "A question from one node to another and its answer: call.Do, and a request of nats.go. The load is a node, with its server in its process."},
	} {
		cells := p.clusterCells(part.way)
		if len(cells) == 0 {
			continue
		}
		subjects := p.subjectsOf(cells)
		p.f("%s\n\n", part.about)
		for _, m := range []struct {
			name    string
			of      result.Measure
			scale   float64
			measure string
		}{{"CPU of all processes per packet", total, 1e-3, "µs"}, {"CPU of the nodes per packet", perPacket, 1e-3, "µs"}, {"Latency, p50", percentiles[0].of, 1, "µs"}, {"Latency, p99", percentiles[2].of, 1, "µs"}} {
			p.table("### "+m.name+", as a multiple of NATS'", subjects, cells, p.ratio(nats(subjects[0].Mode), m.of))
			if base := natsFloor(subjects[0].Mode); slices.Contains(subjects, base) {
				p.table("### "+m.name+", as a multiple of the floor's", subjects, cells, p.ratio(base, m.of))
			}
			p.table("### "+m.name+", in "+m.measure, subjects, cells, p.absolute(m.of, m.scale))
		}
		p.table("### Packets a second, in thousands", subjects, cells, p.absolute(throughput, 1e-3))
	}
	if cells := p.clusterCells(result.ToRoom); len(cells) > 0 {
		subjects := p.subjectsOf(cells)
		p.f("A packet to all members of a room, at three nodes (across) or at one (alone). A packet is what one member gets.\n\n")
		p.table("### CPU of the nodes per packet, as a multiple of one node's", subjects, cells, p.ratio(ours("alone"), perPacket))
		p.table("### CPU of the nodes per packet, in ns", subjects, cells, p.absolute(perPacket, 1))
		p.table("### To how many other nodes a packet went", subjects, cells, p.absolute(crossed, 1))
		p.table("### Until the last member has it, p50, in µs", subjects, cells, p.absolute(percentiles[0].of, 1))
	}
	if cells := p.clusterCells(result.AtRest); len(cells) > 0 {
		p.f("Three nodes with embedded servers and nothing to do.\n\n")
		subjects := p.t.Subjects(result.Cluster, "still")
		p.table("### CPU of a node, in % of one", subjects, cells, p.absolute(nodesUse, 100))
		p.table("### Resident memory of a node, in MiB", subjects, cells, p.absolute(rss, 1.0/(1<<20)))
	}
}

// cluster compares nodes with NATS alone, and a room at several nodes with one at one.
func (j *judge) cluster() {
	for _, c := range j.t.Cells(result.Cluster) {
		switch c.Way {
		case result.ToUser:
			if c.Depth == 1 {
				j.atMost("15", "a packet to a user at another node ≤ 1.5 × NATS' publish to deliver, p50", c.Name(), j.t.Ratio(ours("user"), nats("user"), c, percentiles[0].of), 1.5, "")
			}
			j.atMost("15", "a packet to a user at another node ≤ 1.5 × NATS' publish to deliver, CPU of all", c.Name(), j.t.Ratio(ours("user"), nats("user"), c, total), 1.5, "")
		case result.ToNode:
			j.atMost("15", "a call to another node ≤ 1.3 × a request of NATS, p50", c.Name(), j.t.Ratio(ours("ask"), nats("ask"), c, percentiles[0].of), 1.3, "")
		case result.ToRoom:
			j.atMost("15", "a packet to a room at three nodes crosses twice", c.Name(), j.t.Of(ours("across"), c, crossed), 2, "")
			j.atMost("15", "a room at three nodes ≤ 1.3 × the same members at one, CPU", c.Name(), j.t.Ratio(ours("across"), ours("alone"), c, perPacket), 1.3, "")
		case result.AtRest:
			j.atMost("15", "a node at rest ≤ 1 % of a CPU", c.Name(), j.t.Of(ours("still"), c, func(s *result.Sample) float64 { return 100 * nodesUse(s) }), 1, " %")
			j.atMost("15", "a node at rest ≤ 40 MiB", c.Name(), j.t.Of(ours("still"), c, func(s *result.Sample) float64 { return s.RSS / (1 << 20) }), 40, " MiB")
		}
	}
}

// clusterSummary is the verdicts about clusters.
func (p *page) clusterSummary(w io.Writer) {
	j := &judge{t: p.t}
	j.cluster()
	if len(j.verdicts) > 0 {
		fmt.Fprintf(w, "\nClusters\n\n")
	}
	for _, v := range j.verdicts {
		fmt.Fprintf(w, "%s, %s: %s, wanted %s: %s\n", v.What, v.Where, plain.Replace(v.Got), v.Want, plain.Replace(v.outcome()))
	}
}

var plain = strings.NewReplacer("<sub>", "(", "</sub>", ")", "*", "")
