package prometheus

// Collector: the metrics, and how they follow from what package inspect tells.

import (
	"context"
	"strconv"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
	prom "github.com/prometheus/client_golang/prometheus"
)

// scrapeTime bounds how long a scrape waits for the loops.
const scrapeTime = 5 * time.Second

// Collector is a prometheus.Collector of one peer. Any goroutine may use it but those of the
// peer's loops, where it collects nothing.
type Collector struct {
	inspector *inspect.Inspector

	incomplete, unknown                  *prom.Desc
	packets, bytes, failed, unhandled    *prom.Desc
	handler                              *prom.Desc
	conns, made, ended, refused          *prom.Desc
	used, most                           *prom.Desc
	busy, watched, longest, callbacks    *prom.Desc
	posted, ready, timers, unreadOfLoops *prom.Desc

	// With inspect.Config.Cluster.
	users, routes, crossed, missed, malformed   *prom.Desc
	nodes, rtt, underWay, pending, gaps, resent *prom.Desc
	store, lost, waiting, durable               *prom.Desc
}

// New returns a Collector of the peer that i inspects. With more than one peer in a process,
// register each with prometheus.WrapRegistererWith and a label of its own.
func New(i *inspect.Inspector) *Collector {
	desc := func(name, help string, labels ...string) *prom.Desc {
		return prom.NewDesc("packetmq_"+name, help, labels, nil)
	}
	return &Collector{
		inspector:  i,
		incomplete: desc("incomplete", "1 if a loop did not answer in time, and what it knows is missing."),

		packets:   desc("packets_total", "Packets of the program.", "packet", "direction"),
		bytes:     desc("packet_bytes_total", "Bytes of their frames.", "packet", "direction"),
		failed:    desc("packets_failed_total", "Packets that could not be decoded, or whose handler failed.", "packet"),
		unhandled: desc("packets_unhandled_total", "Packets that nothing handles.", "packet"),
		unknown:   desc("packets_unknown_total", "Packets of unknown ids."),
		handler:   desc("handler_seconds", "How long handlers take; with inspect.Config.Timing.", "packet"),

		conns:   desc("conns", "Conns that are open: active ones, and those that come or go.", "state"),
		made:    desc("conns_made_total", "Handshakes completed."),
		ended:   desc("conns_ended_total", "Conns that were lost.", "reason"),
		refused: desc("sockets_refused_total", "Accepted sockets that were closed at once.", "reason"),

		used: desc("limit_used", "How much of a limit is used: conns, bytes or calls.", "limit"),
		most: desc("limit_most", "The limit.", "limit"),

		busy:          desc("loop_busy_seconds_total", "Time in callbacks, while the loop was watched.", "loop"),
		watched:       desc("loop_watched_seconds_total", "Time for which the loop was watched.", "loop"),
		longest:       desc("loop_longest_callback_seconds", "The longest callback of the last minute or so.", "loop"),
		callbacks:     desc("loop_callbacks_total", "Callbacks of the poller.", "loop"),
		posted:        desc("loop_posted", "Posted functions that wait.", "loop"),
		ready:         desc("loop_ready", "Conns that wait for a share of a turn.", "loop"),
		timers:        desc("loop_timers", "Timers that are not due yet.", "loop"),
		unreadOfLoops: desc("loop_kept_input_bytes", "Memory of input that waits or is not whole.", "loop"),

		users:     desc("cluster_users", "Users who are at this node."),
		routes:    desc("cluster_routes", "Connections of this node's NATS server to others."),
		crossed:   desc("cluster_crossed_total", "Packets for rooms that were sent to another node."),
		missed:    desc("cluster_missed_total", "Packets for users who were not there any more."),
		malformed: desc("cluster_malformed_total", "Messages of nodes that could not be read."),
		store:     desc("durable_store_up", "1 if there is a store for durable packets."),
		lost:      desc("durable_store_lost_total", "How often a part of the store was lost."),
		waiting:   desc("durable_waiting", "Durable packets in the store that are for users at any node."),
		durable:   desc("durable_packets_total", "Durable packets of this node, by what became of them.", "outcome"),
		nodes:     desc("node_up", "1 if there is a conn to the other node.", "node"),
		rtt:       desc("node_rtt_seconds", "Round trip to the other node, of the last heartbeat.", "node"),
		underWay:  desc("node_under_way_bytes", "Bytes that the other node has not acknowledged.", "node"),
		pending:   desc("node_pending_out_bytes", "Bytes that wait here for the other node.", "node"),
		gaps:      desc("node_gaps", "How often something was missing from the other node, in the conns that there are.", "node"),
		resent:    desc("node_resent_bytes", "Bytes that the other node was sent again, in the conns that there are.", "node"),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prom.Desc) {
	for _, d := range []*prom.Desc{
		c.incomplete, c.packets, c.bytes, c.failed, c.unhandled, c.unknown, c.handler,
		c.conns, c.made, c.ended, c.refused, c.used, c.most,
		c.busy, c.watched, c.longest, c.callbacks, c.posted, c.ready, c.timers, c.unreadOfLoops,
		c.users, c.routes, c.crossed, c.missed, c.malformed, c.nodes, c.rtt, c.underWay, c.pending, c.gaps, c.resent,
		c.store, c.lost, c.waiting, c.durable,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prom.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	t, err := c.inspector.Totals(ctx)
	if err != nil {
		ch <- prom.NewInvalidMetric(c.incomplete, err)
		return
	}
	s := sender(ch)
	incomplete := 0.0
	if t.Incomplete != "" {
		incomplete = 1
	}
	s.gauge(c.incomplete, incomplete)
	c.collectPackets(s, t)
	c.collectConns(s, t)
	for _, l := range t.Limits {
		s.gauge(c.used, float64(l.Used), l.Limit)
		s.gauge(c.most, float64(l.Most), l.Limit)
	}
	if t.Cluster != nil {
		c.collectCluster(s, t.Cluster)
	}
	for i := range t.Loops {
		if !t.Loops[i].Missing { // else its counters would look as if the process had begun anew
			c.collectLoop(s, &t.Loops[i])
		}
	}
}

// others is the label of what is not counted one by one.
const others = "other"

func (c *Collector) collectPackets(s sender, t *inspect.Totals) {
	for _, p := range t.Packets {
		name := p.Packet
		if name == "" {
			name = others
		}
		s.counter(c.packets, float64(p.In.Packets), name, "in")
		s.counter(c.packets, float64(p.Out.Packets), name, "out")
		s.counter(c.bytes, float64(p.In.Bytes), name, "in")
		s.counter(c.bytes, float64(p.Out.Bytes), name, "out")
		s.counter(c.failed, float64(p.Failed), name)
		if h := p.Handler; h != nil {
			buckets := make(map[float64]uint64, len(h.Buckets))
			for _, b := range h.Buckets {
				buckets[b.Most] = b.Count
			}
			s <- prom.MustNewConstHistogram(c.handler, h.Count, h.Sum, buckets, name)
		}
	}
	for _, n := range t.Unhandled {
		s.counter(c.unhandled, float64(n.Count), n.Name)
	}
	s.counter(c.unknown, float64(t.Unknown))
}

func (c *Collector) collectConns(s sender, t *inspect.Totals) {
	s.gauge(c.conns, float64(t.Active), "active")
	s.gauge(c.conns, float64(max(t.Open-t.Active, 0)), "other")
	s.counter(c.made, float64(t.Made))
	for _, n := range t.Ends {
		s.counter(c.ended, float64(n.Count), n.Name)
	}
	refused := make(map[string]uint64)
	for _, n := range t.Refused {
		refused[refusal(n.Name)] += n.Count
	}
	for reason, n := range refused {
		s.counter(c.refused, float64(n), reason)
	}
}

// refusals are the errors for which sockets are refused, by the label that stands for them. The
// text of other errors may have something of another side's in it.
var refusals = map[string]error{
	"half_open":          peer.ErrHalfOpen,
	"half_open_per_addr": peer.ErrHalfOpenPerAddr,
	"per_addr":           peer.ErrPerAddr,
	"rate":               peer.ErrRate,
	"max_conns":          engine.ErrTooManyConns,
}

// refusal is the label for the text of an error.
func refusal(text string) string {
	for label, err := range refusals {
		if err.Error() == text {
			return label
		}
	}
	return others
}

func (c *Collector) collectLoop(s sender, l *inspect.Loop) {
	loop := strconv.Itoa(l.Loop)
	s.gauge(c.posted, float64(l.Posted), loop)
	s.gauge(c.ready, float64(l.Ready), loop)
	s.gauge(c.timers, float64(l.Timers), loop)
	s.gauge(c.unreadOfLoops, float64(l.KeptInput), loop)
	s.gauge(c.longest, l.Longest, loop)
	s.counter(c.callbacks, float64(l.Callbacks), loop)
	s.counter(c.busy, l.BusySeconds, loop)
	s.counter(c.watched, l.WatchedSeconds, loop)
}

func (c *Collector) collectCluster(s sender, k *inspect.Cluster) {
	s.gauge(c.users, float64(k.Users))
	s.gauge(c.routes, float64(k.Routes))
	s.counter(c.crossed, float64(k.Crossed))
	s.counter(c.missed, float64(k.Missed))
	s.counter(c.malformed, float64(k.Malformed))
	if k.Durable != nil {
		c.collectDurable(s, k.Durable)
	}
	for _, n := range k.Nodes {
		up := 0.0
		if n.Up {
			up = 1
		}
		s.gauge(c.nodes, up, n.Node)
		s.gauge(c.rtt, n.RTT, n.Node)
		s.gauge(c.underWay, float64(n.UnderWay), n.Node)
		s.gauge(c.pending, float64(n.PendingOut), n.Node)
		s.gauge(c.gaps, float64(n.Gaps), n.Node)
		s.gauge(c.resent, float64(n.Resent), n.Node)
	}
}

func (c *Collector) collectDurable(s sender, d *inspect.Durable) {
	up := 0.0
	if d.Why == "" {
		up = 1
	}
	s.gauge(c.store, up)
	s.counter(c.lost, float64(d.Lost))
	s.gauge(c.waiting, float64(d.Waiting))
	for outcome, n := range map[string]uint64{
		"stored": d.Stored, "refused": d.Refused, "doubled": d.Doubled, "delivered": d.Delivered,
		"acked": d.Acked, "returned": d.Returned, "skipped": d.Skipped, "dropped": d.Dropped,
	} {
		s.counter(c.durable, float64(n), outcome)
	}
}

// sender is where metrics go.
type sender chan<- prom.Metric

func (s sender) gauge(d *prom.Desc, v float64, labels ...string) {
	s <- prom.MustNewConstMetric(d, prom.GaugeValue, v, labels...)
}

func (s sender) counter(d *prom.Desc, v float64, labels ...string) {
	s <- prom.MustNewConstMetric(d, prom.CounterValue, v, labels...)
}
