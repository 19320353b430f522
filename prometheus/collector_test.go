package prometheus

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var (
	ask  = registry.Define[string]("test:ask", 40)
	tell = registry.Define[string]("test:tell", 41)
)

// newPeers are a server that answers, and a client in memory that is connected to it.
func newPeers(t *testing.T) (srv *peer.Server, conn *peer.Conn, told chan string) {
	t.Helper()
	sreg, creg := registry.New(), registry.NewAdapting()
	sreg.MustAdd(ask, tell)
	creg.MustAdd(ask, tell)
	srv = peer.NewServer(sreg, &peer.Config{Reasons: []peer.Reason{"shop.closed"}})
	t.Cleanup(func() { srv.Close() })
	cli := peer.NewMemoryClient(creg, &peer.Config{Reactor: srv.Reactor()})
	told = make(chan string, 1)
	peer.Handle(srv, ask, func(c *peer.Conn, v *string) error { return peer.Reply(c, tell, v) })
	peer.Handle(cli, tell, func(_ *peer.Conn, v *string) error { told <- *v; return nil })
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	conn, err := cli.Connect(t.Context(), srv)
	if err != nil {
		t.Fatal(err)
	}
	return srv, conn, told
}

// scrape is what Prometheus would read from the Collector.
func scrape(t *testing.T, c prom.Collector) map[string]*dto.MetricFamily {
	t.Helper()
	reg := prom.NewPedanticRegistry()
	reg.MustRegister(c)
	s := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer s.Close()
	answer, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value is the value of a metric with these labels, written "a=b,c=d".
func value(t *testing.T, families map[string]*dto.MetricFamily, name, labels string) float64 {
	t.Helper()
	if f := families["packetmq_"+name]; f != nil {
		for _, m := range f.Metric {
			if labelsOf(m) == labels {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Errorf("there is no packetmq_%s{%s}", name, labels)
	return -1
}

func labelsOf(m *dto.Metric) string {
	var list []string
	for _, l := range m.Label {
		list = append(list, l.GetName()+"="+l.GetValue())
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func TestAScrapeHasWhatThePeerDoes(t *testing.T) {
	srv, conn, told := newPeers(t)
	c := New(inspect.New(srv, inspect.Config{Timing: true}))
	scrape(t, c) // the loops are watched from now on
	for range 3 {
		text := "hello"
		if err := peer.Send(conn, ask, &text); err != nil {
			t.Fatal(err)
		}
		<-told
	}
	families := scrape(t, c)
	for _, want := range []struct {
		name, labels string
		value        float64
	}{
		{"packets_total", "direction=in,packet=test:ask", 3},
		{"packets_total", "direction=out,packet=test:tell", 3},
		{"packets_total", "direction=out,packet=test:ask", 0},
		{"packet_bytes_total", "direction=in,packet=test:ask", 3 * 12},
		{"packets_failed_total", "packet=test:ask", 0},
		{"handler_seconds", "packet=test:ask", 3},
		{"conns", "state=active", 1},
		{"conns", "state=other", 0},
		{"conns_made_total", "", 1},
		{"packets_unknown_total", "", 0},
		{"incomplete", "", 0},
	} {
		if got := value(t, families, want.name, want.labels); got != want.value {
			t.Errorf("packetmq_%s{%s} is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	if value(t, families, "limit_used", "limit=MaxConns") < 1 || value(t, families, "limit_most", "limit=MaxConns") < 2 {
		t.Error("the limit of conns is not told")
	}
	for _, name := range []string{"loop_busy_seconds_total", "loop_watched_seconds_total", "loop_callbacks_total"} {
		for value(t, families, name, "loop=0") <= 0 { // two looks shortly after one another are one
			families = scrape(t, c)
		}
	}
}

// A peer in a cluster tells of the other nodes.
func TestAScrapeHasTheCluster(t *testing.T) {
	srv, _, _ := newPeers(t)
	told := &inspect.Cluster{Node: "a", Users: 7, Routes: 2, Crossed: 3, Missed: 4, Malformed: 5, Nodes: []inspect.Node{
		{Node: "b", Up: true, RTT: .5, UnderWay: 10, PendingOut: 20, Gaps: 1, Resent: 30}, {Node: "c"},
	}, Durable: &inspect.Durable{Waiting: 1, Stored: 2, Refused: 3, Doubled: 4, Delivered: 5, Acked: 6, Returned: 7, Skipped: 8, Dropped: 9, Lost: 10}}
	families := scrape(t, New(inspect.New(srv, inspect.Config{Cluster: func() *inspect.Cluster { return told }})))
	for _, want := range []struct {
		name, labels string
		value        float64
	}{
		{"cluster_users", "", 7}, {"cluster_routes", "", 2}, {"cluster_crossed_total", "", 3}, {"cluster_missed_total", "", 4},
		{"cluster_malformed_total", "", 5}, {"node_up", "node=b", 1}, {"node_up", "node=c", 0}, {"node_rtt_seconds", "node=b", .5},
		{"node_under_way_bytes", "node=b", 10}, {"node_pending_out_bytes", "node=b", 20}, {"node_gaps", "node=b", 1}, {"node_resent_bytes", "node=b", 30},
		{"durable_store_up", "", 1}, {"durable_waiting", "", 1}, {"durable_store_lost_total", "", 10}, {"durable_packets_total", "outcome=stored", 2}, {"durable_packets_total", "outcome=refused", 3},
		{"durable_packets_total", "outcome=doubled", 4}, {"durable_packets_total", "outcome=delivered", 5}, {"durable_packets_total", "outcome=acked", 6},
		{"durable_packets_total", "outcome=returned", 7}, {"durable_packets_total", "outcome=skipped", 8}, {"durable_packets_total", "outcome=dropped", 9},
	} {
		if got := value(t, families, want.name, want.labels); got != want.value {
			t.Errorf("packetmq_%s{%s} is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}

// Durable packets whose store is gone are told of; where none are kept there are no metrics of them.
func TestAScrapeHasTheStore(t *testing.T) {
	srv, _, _ := newPeers(t)
	told := &inspect.Cluster{Node: "a", Durable: &inspect.Durable{Why: "no store"}}
	c := New(inspect.New(srv, inspect.Config{Cluster: func() *inspect.Cluster { return told }}))
	if got := value(t, scrape(t, c), "durable_store_up", ""); got != 0 {
		t.Errorf("a store that is gone is %v", got)
	}
	told = &inspect.Cluster{Node: "a"}
	if _, there := scrape(t, c)["packetmq_durable_store_up"]; there {
		t.Error("there is a store where no durable packets are kept")
	}
}

// Nothing that another side chooses becomes a label.
func TestLabelsAreOfTheProgramsChoosing(t *testing.T) {
	srv, conn, _ := newPeers(t)
	lost := make(chan struct{})
	srv.Observe(peer.Observer{Lost: func(*peer.Conn, error) { close(lost) }})
	conn.Softquit("chosen by a stranger")
	<-lost
	families := scrape(t, New(inspect.New(srv, inspect.Config{})))
	if value(t, families, "conns_ended_total", "reason=other") != 1 {
		t.Error("the end is not counted as another")
	}
	for name, f := range families {
		for _, m := range f.Metric {
			if labels := labelsOf(m); strings.Contains(labels, "stranger") {
				t.Errorf("%s has the labels %s", name, labels)
			}
		}
	}
	if refusal(peer.ErrRate.Error()) != "rate" || refusal("tls: "+"chosen by a stranger") != "other" {
		t.Error("refusals have the wrong labels")
	}
}

func TestReasonsOfTheProgramAreLabels(t *testing.T) {
	srv, conn, _ := newPeers(t)
	lost := make(chan struct{})
	srv.Observe(peer.Observer{Lost: func(*peer.Conn, error) { close(lost) }})
	conn.Softquit("shop.closed")
	<-lost
	families := scrape(t, New(inspect.New(srv, inspect.Config{})))
	if value(t, families, "conns_ended_total", "reason=shop.closed") != 1 {
		t.Error("the end is not counted by its reason")
	}
}

// A stopped reactor is scraped all the same, without what it cannot tell.
func TestAStoppedPeerIsIncomplete(t *testing.T) {
	srv, _, _ := newPeers(t)
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	families := scrape(t, New(inspect.New(srv, inspect.Config{})))
	if value(t, families, "incomplete", "") != 1 || families["packetmq_loop_callbacks_total"] != nil {
		t.Error("the scrape does not say that it is incomplete")
	}
}

func ExampleNew() {
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	metrics := prom.NewRegistry()
	metrics.MustRegister(New(inspect.New(srv, inspect.Config{Timing: true})))
	http.Handle("/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
}
