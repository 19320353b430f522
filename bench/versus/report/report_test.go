package report

import (
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
			if c.Group != result.Closed && c.Group != result.Loops && s.Mode != "raw" || c.Group == result.Loops && s.Peer != "packetmq" && s.Peer != "gnet" && s != limit {
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
		{"1", "no worse", "1.09", "≤ 1.00 × gnet", "**not reached**"},
		{"2", "MarshalMsg", "1.90", "≤ 1.80", "**not reached**"},
		{"3", "typed", "0.75", "≤ 1.00 × net", "reached"},
		{"4", "any", "–", "–", "not measured"},
		{"5", "grpc", "7.50", "≥ 7.00", "reached"},
		{"5", "NATS", "–", "–", "not measured"},
		{"8", "10,000", "1.00", "≤ 1.30", "reached"},
		{"9", "idle", "120", "≤ 768", "reached"},
		{"11", "two loops", "0.67", "≤ 1.00", "reached"},
	} {
		v := outcome(t, f, tc.figure, tc.what)
		if v.Got != tc.got || v.Want != tc.want || v.Outcome != tc.outcome {
			t.Errorf("%s %s: got %+v", tc.figure, tc.what, v)
		}
	}
	for _, v := range Judge(result.NewTable(f)) {
		if v.Figure == "11" && !strings.HasPrefix(v.Where, "packetmq") {
			t.Errorf("judged: %+v", v)
		}
	}
}

// Calls are judged by their own cells, and shown with them.
func TestCalls(t *testing.T) {
	f := new(result.File)
	for s, ns := range map[result.Subject]int64{
		ours("typed"): 1000, ours("call"): 1200, ours("go"): 3000, {Peer: "grpc", Mode: "call"}: 12000, {Peer: "ttrpc", Mode: "call"}: 9600, {Peer: "netrpc", Mode: "call"}: 2400, {Peer: "arpc", Mode: "call"}: 6000,
	} {
		for _, c := range []result.Cell{callsCell(1, 1), callsCell(64, 16)} {
			f.Samples = append(f.Samples, result.Sample{Subject: s, Cell: c, Load: result.Load{Packets: 100, Seconds: 1, Allocs: 250, ServerCPU: 100 * ns, P50: ns, P999: 1e6 - ns}})
		}
	}
	for _, tc := range []struct{ what, got, want, outcome string }{
		{"≤ 1.35", "1.20", "≤ 1.35", "reached"},
		{"grpc", "10.0", "≥ 7.00", "reached"},
		{"ttrpc", "8.00", "≥ 10.0", "**not reached**"},
		{"netrpc", "2.00", "≥ 2.00", "reached"},
		{"arpc", "5.00", "≥ 2.00", "reached"},
		{"p50 of Do", "0.50", "≤ 1.00 × netrpc", "reached"},
		{"p99.9 of Do", "1.01", "≤ 1.00 × grpc", "**not reached**"},
		{"p50 of Go", "1.25", "≤ 1.00 × netrpc", "**not reached**"},
	} {
		v := outcome(t, f, "12", tc.what)
		if v.Got != tc.got || v.Want != tc.want || v.Outcome != tc.outcome {
			t.Errorf("%s: got %+v", tc.what, v)
		}
	}
	var b, summary strings.Builder
	if err := Markdown(&b, f, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Calls", "packetmq typed is two packets", "| grpc call | 12.0 | 12.0 |", "| packetmq call | 2.50 | 2.50 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	dir := t.TempDir()
	if err := Plots(dir, f); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "calls.svg"))
	if err != nil || !strings.Contains(string(svg), "netrpc call") {
		t.Errorf("calls.svg: %v", err)
	}
	if Summary(&summary, f); !strings.Contains(summary.String(), "1000 ns") || !strings.Contains(summary.String(), "9.60") {
		t.Error(summary.String())
	}
}

// Rooms are judged beside the C program where that has one write for each packet, and beside
// others everywhere, and are shown with both.
func TestRooms(t *testing.T) {
	f := new(result.File)
	one, many := result.Cell{Group: result.Rooms, Size: 64, Conns: 1000, Depth: 1}, result.Cell{Group: result.Rooms, Size: 64, Conns: 1000, Depth: 16}
	for s, ns := range map[result.Subject]int64{
		writes: 5000, ours("room"): 6000, ours("topic"): 6100, {Peer: "melody", Mode: "room"}: 12000, {Peer: "nats", Mode: "room"}: 24000,
	} {
		for _, c := range []result.Cell{one, many} {
			f.Samples = append(f.Samples, result.Sample{Subject: s, Cell: c, Load: result.Load{Packets: 1000, Seconds: 1, ServerCPU: 1000 * ns, P50: ns}})
		}
	}
	for _, tc := range []struct{ what, got, want, outcome string }{
		{"the C program", "1.20", "≤ 1.20", "reached"},
		{"melody", "2.00", "≥ 3.00", "**not reached**"},
		{"nats", "4.00", "≥ 3.00", "reached"},
		{"centrifuge", "–", "–", "not measured"},
	} {
		v := outcome(t, f, "13", tc.what)
		if v.Got != tc.got || v.Want != tc.want || v.Outcome != tc.outcome {
			t.Errorf("%s: got %+v", tc.what, v)
		}
	}
	if v := outcome(t, f, "13", "melody"); !strings.Contains(v.Remark, "melody room takes 2.40 × limit room") {
		t.Errorf("the remark is %q", v.Remark)
	}
	for _, v := range Judge(result.NewTable(f)) {
		if v.Figure == "13" && strings.Contains(v.What, "the C program") && v.Where != one.Name() {
			t.Errorf("judged: %+v", v)
		}
	}
	var b, summary strings.Builder
	if err := Markdown(&b, f, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Rooms", "limit room is a C program", "| packetmq room | 1.20 | 1.20 |", "| melody room | 2.00 | 2.00 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if Summary(&summary, f); !strings.Contains(summary.String(), "5000 ns") || !strings.Contains(summary.String(), "4.80") {
		t.Error(summary.String())
	}
	dir := t.TempDir()
	if err := Plots(dir, f); err != nil {
		t.Fatal(err)
	}
	if svg, err := os.ReadFile(filepath.Join(dir, "rooms.svg")); err != nil || !strings.Contains(string(svg), "nats room") {
		t.Errorf("rooms.svg: %v", err)
	}
}

// rounds are a run in which a packet costs ours so much in each, and limit 100.
func rounds(costs ...int64) *result.File {
	f := new(result.File)
	for round, ns := range costs {
		of := func(s result.Subject, ns int64) result.Sample {
			return result.Sample{Subject: s, Cell: capacity, Round: round, Load: result.Load{Packets: 1, Seconds: 1, ServerCPU: ns}}
		}
		f.Samples = append(f.Samples, of(limit, 100), of(ours("raw"), ns))
	}
	return f
}

// A median that is not what is wanted is told apart by the quartiles.
func TestOutcome(t *testing.T) {
	for _, tc := range []struct {
		costs   []int64
		got     string
		outcome string
	}{
		{[]int64{110, 120, 125, 900, 900}, "1.25 <sub>1.20–9.00</sub>", "reached"},
		{[]int64{110, 120, 130, 140, 900}, "1.30 <sub>1.20–1.40</sub>", "**not reached**, but within the spread"},
		{[]int64{110, 126, 130, 140, 150}, "1.30 <sub>1.26–1.40</sub>", "**not reached**"},
		{[]int64{130}, "1.30", "**not reached**"},
		{nil, "–", "not measured"},
	} {
		f := rounds(tc.costs...)
		f.Samples = append(f.Samples, result.Sample{Subject: naive, Cell: capacity})
		if v := outcome(t, f, "1", "≤ 1.25"); v.Got != tc.got || v.Outcome != tc.outcome {
			t.Errorf("%v: %+v", tc.costs, v)
		}
		for i := range f.Samples {
			f.Samples[i].Noise = 1
		}
		if v := outcome(t, f, "1", "≤ 1.25"); len(tc.costs) > 0 && !strings.Contains(v.Got, "~") {
			t.Errorf("not marked: %+v", v)
		}
	}
}

// The best peer is found by pairs, not by what the peers took in all.
func TestBestPeer(t *testing.T) {
	f := new(result.File)
	for peer, costs := range map[string][]int64{"packetmq": {100, 200, 300}, "gnet": {100, 300, 200}, "nbio": {90, 220, 250}} {
		for round, ns := range costs {
			f.Samples = append(f.Samples, result.Sample{Subject: result.Subject{Peer: peer, Mode: "raw"}, Cell: capacity, Round: round,
				Load: result.Load{Packets: 1, Seconds: 1, ServerCPU: ns}})
		}
	}
	if v := outcome(t, f, "1", "no worse"); !strings.HasPrefix(v.Got, "1.11") || v.Want != "≤ 1.00 × nbio" {
		t.Errorf("%+v", v)
	}
}

// A factor is reached from above.
func TestOutcomeOfFactors(t *testing.T) {
	for _, tc := range []struct {
		costs   []int64
		outcome string
	}{
		{[]int64{200, 300, 500}, "**not reached**"},
		{[]int64{600, 650, 800}, "**not reached**, but within the spread"},
		{[]int64{100, 700, 900}, "reached"},
	} {
		f := rounds(tc.costs...)
		for i := range f.Samples { // grpc costs what ours does here, and ours what limit does
			switch s := &f.Samples[i]; s.Subject {
			case limit:
				s.Subject = ours("raw")
			default:
				s.Peer = "grpc"
			}
		}
		if v := outcome(t, f, "5", "grpc"); v.Want != "≥ 7.00" || v.Outcome != tc.outcome {
			t.Errorf("%v: %+v", tc.costs, v)
		}
	}
}

// Beside a factor to a peer that is not reached is what no server could exceed,
// and beside two loops what they do to limit.
func TestRemark(t *testing.T) {
	twisted := result.Subject{Peer: "twisted", Mode: "any"}
	f := file(map[result.Subject]int64{limit: 100, ours("raw"): 120, twisted: 4400})
	v := outcome(t, f, "5", "Twisted, decoding, ≥ 100 × ours raw")
	if v.Got != "36.7" || !strings.Contains(v.Remark, "twisted any takes 44.0 × limit") || !strings.HasPrefix(v.outcome(), "**not reached**; twisted") {
		t.Errorf("%+v", v)
	}
	if v := outcome(t, f, "5", "grpc"); v.Remark != "" || v.outcome() != v.Outcome {
		t.Errorf("%+v", v)
	}
	if v := outcome(t, f, "11", "two loops"); v.Remark != "limit is at 0.67" {
		t.Errorf("%+v", v)
	}
	f = file(map[result.Subject]int64{ours("raw"): 120, twisted: 4400})
	if v := outcome(t, f, "11", "two loops"); v.Remark != "" {
		t.Errorf("without limit: %+v", v)
	}
	if v := outcome(t, f, "5", "Twisted, decoding, ≥ 100 × ours raw"); v.Remark != "" {
		t.Errorf("without limit: %+v", v)
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
		"| packetmq | 120 |", "| packetmq | 0 / 100 |", "- gnet-naive, closed 64 B 64×16, round 1: it fell over",
		"| packetmq | 10000 | 240 | 1.20 | 0.60 | 120 |", "## 2 loops", "| 1.50 | 0.00 / 1.00 | 1.50 |",
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
	}
}
