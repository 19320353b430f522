package report

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// file is a run in which a packet costs each subject so many ns.
func file(costs map[result.Subject]int64) *result.File {
	f := &result.File{Machine: result.Machine{CPU: "a CPU", CPUs: 2, Commit: "abc", Date: time.Unix(1e9, 0).UTC(), Rounds: 1, Command: "versus run"}}
	cells := []result.Cell{
		capacity,
		{Group: result.Open, Size: 64, Conns: 64, Share: 0.6},
		{Group: result.Growth, Size: 64, Conns: 64, Inflight: 64},
		{Group: result.Growth, Size: 64, Conns: 10000, Inflight: 64},
		{Group: result.Idle, Conns: 10000},
		{Group: result.Loops, Size: 64, Conns: 64, Depth: 16, Loops: 2},
		{Group: result.Loops, Size: 64, Conns: 64, Depth: 16, Loops: 1},
	}
	for s, ns := range costs {
		for _, c := range cells {
			if c.Group != result.Closed && c.Group != result.Loops && s.Mode != "raw" || c.Group == result.Loops && s.Peer != "packetmq" {
				continue
			}
			one := result.Sample{Subject: s, Cell: c, Load: result.Load{Packets: 1000, Seconds: 1, CPU: 1e9, ServerCPU: 1000 * ns,
				P50: ns, P90: 2 * ns, P99: 3 * ns, P999: 4 * ns, Max: 5 * ns}}
			if c.Loops == 2 { // as much again, half of which the load takes away
				one.Packets = 1500
			}
			if c.Group == result.Idle {
				one.Load, one.RSS, one.Heap = result.Load{}, float64(2*ns), float64(ns)
			}
			f.Samples = append(f.Samples, one)
		}
	}
	return f
}

func outcome(t *testing.T, f *result.File, figure, what string) Verdict {
	t.Helper()
	for _, v := range Judge(result.NewTable(f)) {
		if v.Figure == figure && strings.Contains(v.What, what) {
			return v
		}
	}
	t.Fatalf("no verdict about %s %s", figure, what)
	return Verdict{}
}

func TestJudge(t *testing.T) {
	raw := func(peer string) result.Subject { return result.Subject{Peer: peer, Mode: "raw"} }
	costs := map[result.Subject]int64{
		limit: 100, ours("raw"): 120, raw("gnet"): 110, raw("nbio"): 130, raw("grpc"): 900,
		ours("marshal"): 190, ours("typed"): 300, {Peer: "net", Mode: "typed"}: 400,
	}
	f := file(costs)
	for _, tc := range []struct{ figure, what, got, want, outcome string }{
		{"1", "≤ 1.25", "1.20", "≤ 1.25", "reached"},
		{"1", "no worse", "120", "≤ 110 (gnet)", "**not reached**"},
		{"2", "MarshalMsg", "1.90", "≤ 1.80", "**not reached**"},
		{"3", "typed", "300", "≤ 400 (net)", "reached"},
		{"4", "any", "–", "–", "not measured"},
		{"5", "grpc", "7.50", "≥ 7.00", "reached"},
		{"5", "NATS", "–", "–", "not measured"},
		{"8", "10,000", "1.00", "≤ 1.30", "reached"},
		{"9", "idle", "120", "≤ 768", "reached"},
		{"11", "two loops", "667", "≤ 1000", "reached"},
	} {
		v := outcome(t, f, tc.figure, tc.what)
		if v.Got != tc.got || v.Want != tc.want || v.Outcome != tc.outcome {
			t.Errorf("%s %s: got %+v", tc.figure, tc.what, v)
		}
	}
	low := f.Samples
	for i := range low { // another round, in which ours did better
		if s := low[i]; s.Subject == ours("raw") && s.Cell.Group == result.Closed {
			s.ServerCPU = 109000
			f.Samples = append(f.Samples, s)
		}
	}
	if v := outcome(t, f, "1", "no worse"); v.Outcome != "**not reached**, but within the spread" {
		t.Errorf("got %+v", v)
	}
	for i := range f.Samples {
		f.Samples[i].Noise = 1
	}
	if v := outcome(t, f, "1", "≤ 1.25"); !strings.HasSuffix(v.Got, "~") {
		t.Errorf("not marked: %+v", v)
	}
}

func TestMarkdown(t *testing.T) {
	f := file(map[result.Subject]int64{limit: 100, naive: 200, ours("raw"): 120})
	f.Samples = append(f.Samples, result.Sample{Subject: naive, Cell: capacity, Failure: "it fell\nover"})
	f.Machine.Cut = true
	var b strings.Builder
	if err := Markdown(&b, f, []About{{"limit", "C"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| machine | a CPU, 2 CPUs |", "interrupted", "| limit | C |", "| packetmq | 1.20 |", "| packetmq | 0.60 |",
		"| packetmq | 120 <sub>120–120</sub> |", "| packetmq | 0 / 100 |", "- gnet-naive, closed 64 B 64×16, round 1: it fell over",
		"| packetmq | 10000 | 240 | 1.20 | 0.60 | 120 |", "## 2 loops", "<sub>1.50–1.50</sub> | 0.00 / 1.00 | 1.50 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "%!") {
		t.Error(b.String())
	}
}

func TestSummary(t *testing.T) {
	var b strings.Builder
	Summary(&b, file(map[result.Subject]int64{limit: 100, ours("raw"): 120}))
	if !strings.Contains(b.String(), "100 ns") || !strings.Contains(b.String(), "1.20") {
		t.Error(b.String())
	}
}

// Nothing at all, and things with holes, can be reported as well.
func TestLittle(t *testing.T) {
	for name, f := range map[string]*result.File{
		"nothing":  {},
		"no limit": file(map[result.Subject]int64{ours("raw"): 120}),
		"no cost":  file(map[result.Subject]int64{limit: 0, ours("raw"): 0}),
	} {
		var b strings.Builder
		if err := Markdown(&b, f, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		Summary(&b, f)
		if err := Plots(t.TempDir(), f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlots(t *testing.T) {
	dir := t.TempDir()
	if err := Plots(dir, file(map[result.Subject]int64{limit: 100, naive: 2000, ours("raw"): 120})); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu", "throughput", "latency", "growth", "memory"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil || !strings.Contains(string(svg), "<svg") {
			t.Errorf("%s.svg: %v", name, err)
		}
		f, err := os.Open(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(f); err != nil {
			t.Errorf("%s.png: %v", name, err)
		}
		f.Close()
	}
}
