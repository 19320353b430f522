package prometheus

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/inspect"
	prom "github.com/prometheus/client_golang/prometheus"
)

// dashboard is what the test looks at of dashboard.json.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, LegendFormat string }
	}
}

var (
	metricName = regexp.MustCompile(`packetmq_\w+`)
	legendName = regexp.MustCompile(`\{\{(\w+)\}\}`)
	descOf     = regexp.MustCompile(`fqName: "(\w+)", help: .* variableLabels: \{([\w,]*)\}`)
	suffixes   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// metrics are the names of the Collector's metrics with their labels.
func metrics(t *testing.T, c *Collector) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	ch := make(chan *prom.Desc, 100)
	c.Describe(ch)
	close(ch)
	for d := range ch {
		m := descOf.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("the description %v has another form", d)
		}
		found[m[1]] = strings.Split(m[2], ",")
	}
	return found
}

// Each query of the dashboard is about metrics that there are, and each legend about labels
// that these have; and each metric is somewhere on it.
func TestTheDashboardShowsTheMetrics(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	srv, _, _ := newPeers(t)
	known := metrics(t, New(inspect.New(srv, inspect.Config{})))
	shown := make(map[string]bool)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			names := metricName.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%q asks for nothing", p.Title)
			}
			for _, name := range names {
				name = suffixes.ReplaceAllString(name, "")
				labels, ok := known[name]
				if !ok {
					t.Errorf("%q asks for %s, which there is not", p.Title, name)
				}
				shown[name] = true
				for _, m := range legendName.FindAllStringSubmatch(target.LegendFormat, -1) {
					if !slices.Contains(labels, m[1]) {
						t.Errorf("%q has the legend %s, which is no label of %s", p.Title, m[1], name)
					}
				}
			}
		}
	}
	for name := range known {
		if !shown[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// What is scraped are the metrics that are described, so that the dashboard is about them.
func TestWhatIsScrapedIsDescribed(t *testing.T) {
	srv, _, _ := newPeers(t)
	c := New(inspect.New(srv, inspect.Config{}))
	known := metrics(t, c)
	for name := range scrape(t, c) {
		if _, ok := known[name]; !ok {
			t.Errorf("%s is scraped and not described", name)
		}
	}
}
