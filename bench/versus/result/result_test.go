package result

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	cell = Cell{Group: Closed, Size: 64, Conns: 64, Depth: 16}
	ours = Subject{"packetmq", "raw"}
	base = Subject{"limit", "raw"}
)

// sample is one whose packets cost ns each.
func sample(s Subject, c Cell, ns int64, noise float64) Sample {
	return Sample{Subject: s, Cell: c, Load: Load{Packets: 1000, Seconds: 0.5, CPU: 1e6, ServerCPU: 1000 * ns, P50: 10}, Noise: noise}
}

func TestCellName(t *testing.T) {
	for _, tc := range []struct {
		cell Cell
		want string
	}{
		{Cell{Group: Closed, Size: 64, Conns: 1, Depth: 1}, "64 B 1×1"},
		{Cell{Group: Closed, Size: 1 << 10, Conns: 64, Depth: 16}, "1 KiB 64×16"},
		{Cell{Group: Closed, Size: 1500, Conns: 2, Depth: 3}, "1500 B 2×3"},
		{Cell{Group: Open, Size: 64, Conns: 64, Share: 0.3}, "30%"},
		{Cell{Group: Growth, Conns: 1000, Inflight: 64}, "1000 conns"},
		{Cell{Group: Idle, Conns: 10000}, "10000 idle"},
	} {
		if got := tc.cell.Name(); got != tc.want {
			t.Errorf("%+v is %q, want %q", tc.cell, got, tc.want)
		}
	}
}

func TestFileComesBack(t *testing.T) {
	f := &File{
		Machine: Machine{CPU: "a CPU", CPUs: 2, Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Rounds: 3},
		Samples: []Sample{sample(ours, cell, 7, 0.5), {Subject: base, Cell: Cell{Group: Idle, Conns: 10}, RSS: 48, Failure: "none"}},
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v\nwant %+v", got, f)
	}
}

func TestReadRefuses(t *testing.T) {
	machine := `{"date":"2026-01-02T03:04:05Z"}` + "\n"
	for name, in := range map[string]string{
		"nothing":           "",
		"no JSON":           "hello\n",
		"no machine":        "{}\n",
		"unknown field":     `{"date":"2026-01-02T03:04:05Z","colour":1}` + "\n",
		"unknown in sample": machine + `{"peer":"x","colour":1}` + "\n",
		"cut off":           machine + `{"peer":"x`,
	} {
		if f, err := Read(strings.NewReader(in)); err == nil {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func TestOf(t *testing.T) {
	failed := sample(ours, cell, 1, 0)
	failed.Failure = "it fell over"
	wrong := sample(ours, cell, 1, 0)
	wrong.Errors = 1
	for _, tc := range []struct {
		name    string
		samples []Sample
		want    Stat
	}{
		{"none", nil, Stat{}},
		{"odd", []Sample{sample(ours, cell, 30, 0), sample(ours, cell, 10, 0), sample(ours, cell, 20, 0)}, Stat{20, 15, 25, 3, 0}},
		{"even", []Sample{sample(ours, cell, 40, 0), sample(ours, cell, 10, 0)}, Stat{25, 17.5, 32.5, 2, 0}},
		{"marked ones do not count", []Sample{sample(ours, cell, 90, 1), sample(ours, cell, 10, 0), sample(ours, cell, 20, 0)}, Stat{15, 12.5, 17.5, 3, 1}},
		{"unless they are most", []Sample{sample(ours, cell, 90, 1), sample(ours, cell, 80, 1), sample(ours, cell, 20, 0)}, Stat{80, 50, 85, 3, 2}},
		{"failures do not count", []Sample{failed, wrong, sample(ours, cell, 5, 0)}, Stat{5, 5, 5, 1, 0}},
		{"nor others", []Sample{sample(base, cell, 5, 0), sample(ours, Cell{Group: Idle}, 5, 0)}, Stat{}},
	} {
		got := NewTable(&File{Samples: tc.samples}).Of(ours, cell, (*Sample).PerPacket)
		if got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestNoPacketIsNoFigure(t *testing.T) {
	s := sample(ours, cell, 1, 0)
	s.Packets, s.ServerCPU = 0, 5
	if got := NewTable(&File{Samples: []Sample{s}}).Of(ours, cell, (*Sample).PerPacket); got.Known() {
		t.Errorf("got %+v", got)
	}
}

func TestSubjectsAndCells(t *testing.T) {
	other := Cell{Group: Closed, Size: 64, Conns: 1, Depth: 1}
	table := NewTable(&File{Samples: []Sample{
		sample(Subject{"gnet", "typed"}, cell, 1, 0), sample(Subject{"stranger", "raw"}, cell, 1, 0),
		sample(Subject{"gnet", "raw"}, other, 1, 0), sample(ours, cell, 1, 0), sample(base, cell, 1, 0), sample(base, other, 1, 0),
		sample(base, Cell{Group: Idle}, 1, 0),
	}})
	if got, want := table.Cells(Closed), []Cell{cell, other}; !reflect.DeepEqual(got, want) {
		t.Errorf("cells %+v, want %+v", got, want)
	}
	want := []Subject{base, ours, {"gnet", "raw"}, {"gnet", "typed"}, {"stranger", "raw"}}
	if got := table.Subjects(Closed, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("subjects %v, want %v", got, want)
	}
	if got := table.Subjects(Closed, "typed"); !reflect.DeepEqual(got, want[3:4]) {
		t.Errorf("typed subjects %v, want %v", got, want[3:4])
	}
}

// line is what a table shows of a change.
func line(t *testing.T, c Change) string {
	t.Helper()
	var b strings.Builder
	if err := WriteChanges(&b, []Change{c}); err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(b.String(), " \n")
}

func TestCompare(t *testing.T) {
	before := &File{Samples: []Sample{sample(base, cell, 100, 0), sample(ours, cell, 200, 0), sample(Subject{"gone", "raw"}, cell, 1, 0)}}
	after := &File{Samples: []Sample{sample(base, cell, 200, 0), sample(ours, cell, 200, 0)}}
	changes := Compare(before, after)
	if len(changes) != 2 {
		t.Fatalf("got %v", changes)
	}
	c := changes[1]
	if c.Subject != ours || c.Old.Median != 200 || c.New.Median != 200 || c.OldRatio.Median != 2 || c.NewRatio.Median != 1 {
		t.Errorf("got %+v", c)
	}
	if line := line(t, c); !strings.Contains(line, "200 ns → 200 ns  +0.0 %  beside limit -50.0 %") || strings.Contains(line, "spread") {
		t.Errorf("got %q", line)
	}
	if line := line(t, changes[0]); strings.Contains(line, "spread") || !strings.Contains(line, "+100.0 %") {
		t.Errorf("got %q", line)
	}
}

// A machine that was slower for all has changed nothing.
func TestCompareBesideLimit(t *testing.T) {
	before := &File{Samples: []Sample{sample(base, cell, 100, 0), sample(ours, cell, 200, 0)}}
	after := &File{Samples: []Sample{sample(base, cell, 150, 0), sample(ours, cell, 300, 0)}}
	changes := Compare(before, after)
	if line := line(t, changes[1]); !strings.Contains(line, "+50.0 %  beside limit +0.0 %  within the spread") {
		t.Errorf("got %q", line)
	}
	before.Samples, after.Samples = before.Samples[1:], after.Samples[1:]
	if line := line(t, Compare(before, after)[0]); !strings.HasSuffix(line, "+50.0 %") {
		t.Errorf("without limit: got %q", line)
	}
}

func TestBenchmarks(t *testing.T) {
	failed := sample(ours, cell, 1, 0)
	failed.Failure = "it fell over"
	f := &File{Samples: []Sample{sample(ours, cell, 7, 0), failed, {Subject: base, Cell: Cell{Group: Idle, Conns: 10}, RSS: 48}}}
	var b strings.Builder
	if err := Benchmarks(&b, f); err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(b.String(), "Benchmark")
	want := "Versus/peer=packetmq/mode=raw/group=closed/cell=64_B_64×16 1000 7.0 cpu-ns/packet 2000 packets/s 10 p50-ns 0 p99-ns 0 p99.9-ns\n" +
		"BenchmarkVersus/peer=limit/mode=raw/group=idle/cell=10_idle 1 48 RSS-B/conn 0 heap-B/conn\n"
	if lines != want {
		t.Errorf("got %q\nwant %q", lines, want)
	}
}
