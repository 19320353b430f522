package report

import (
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// What clusters came to is judged beside NATS, and a room beside one at one node.
func TestClusterIsJudged(t *testing.T) {
	user := result.Cell{Group: result.Cluster, Way: result.ToUser, Size: 64, Conns: 1, Depth: 1}
	room := result.Cell{Group: result.Cluster, Way: result.ToRoom, Size: 64, Conns: 3000, Depth: 1}
	rest := result.Cell{Group: result.Cluster, Way: result.AtRest}
	f := &result.File{Machine: result.Machine{Date: time.Unix(1e9, 0)}, Samples: []result.Sample{
		{Subject: ours("user"), Cell: user, Load: result.Load{Packets: 1000, ServerCPU: 2e6, CPU: 1e6, P50: 140}},
		{Subject: nats("user"), Cell: user, Load: result.Load{Packets: 1000, ServerCPU: 0.8e6, CPU: 0.2e6, P50: 100}},
		{Subject: natsFloor("user"), Cell: user, Load: result.Load{Packets: 1000, ServerCPU: 1.5e6, CPU: 0.5e6, P50: 110}},
		{Subject: ours("across"), Cell: room, Load: result.Load{Packets: 3000, ServerCPU: 6e6, Crossed: 2, Said: 1}},
		{Subject: ours("alone"), Cell: room, Load: result.Load{Packets: 3000, ServerCPU: 5e6, Said: 1}},
		{Subject: ours("still"), Cell: rest, Load: result.Load{Seconds: 10, ServerCPU: 0.6e9, Conns: 3}, RSS: 39 << 20},
	}}
	for what, want := range map[string]string{
		"deliver, p50": "1.40: reached", "deliver, CPU of all": "3.00: **not reached**", "crosses twice": "2.00: reached",
		"the same members at one": "1.20: reached", "≤ 1 % of a CPU": "2.00: **not reached**", "≤ 40 MiB": "39.0: reached",
	} {
		v := outcome(t, f, "15", what)
		if got := v.Got + ": " + v.outcome(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	var page, summary strings.Builder
	if err := Markdown(&page, f, nil); err != nil || !strings.Contains(page.String(), "| packetmq user | 3.00 |") || !strings.Contains(page.String(), "| packetmq user | 1.50 |") {
		t.Errorf("%v %s", err, page.String())
	}
	Summary(&summary, f)
	if !strings.Contains(summary.String(), "room of 3000: 2.00, wanted ≤ 2.00: reached") {
		t.Error(summary.String())
	}
}
