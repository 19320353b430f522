package harness

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

func TestParseStat(t *testing.T) {
	for _, tc := range []struct {
		line       string
		pid, group int
		ok         bool
	}{
		{"12 (load) S 1 34 34 0 -1", 12, 34, true},
		{"12 (a (b) c) d) R 1 34 34", 12, 34, true},
		{"12 (load) S 1", 0, 0, false},
		{"12 load S 1 34", 0, 0, false},
		{"x (load) S 1 34", 0, 34, false},
		{"", 0, 0, false},
	} {
		pid, group, ok := parseStat(tc.line)
		if ok != tc.ok || ok && (pid != tc.pid || group != tc.group) {
			t.Errorf("%q: %d %d %v", tc.line, pid, group, ok)
		}
	}
}

func TestUsage(t *testing.T) {
	const tick = int64(10 * time.Millisecond)
	from := parseUsage("cpu  100 0 50 800 40 0 5 5 7 0\ncpu0 1 1 1 1\n")
	if want := (usage{160 * tick, 1000 * tick}); from != want {
		t.Errorf("got %+v, want %+v: guest time is in user time", from, want)
	}
	to := parseUsage("cpu  140 0 60 840 40 0 5 15 7 0\n")
	for _, tc := range []struct {
		own  int64
		want float64
	}{{0, 0.6}, {50 * tick, 0.1}, {70 * tick, 0}} {
		if got := noise(from, to, tc.own); got < tc.want-1e-9 || got > tc.want+1e-9 {
			t.Errorf("own %d: noise %v, want %v", tc.own, got, tc.want)
		}
	}
	if got := noise(to, to, 0); got != 0 {
		t.Errorf("no time has passed: noise %v", got)
	}
}

func TestParseRSS(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n": 1234 << 10,
		"Name:\tx\n":            0,
		"VmRSS:\tplenty kB\n":   0,
		"":                      0,
		"VmHWM:\t 9 kB\nVmRSS:": 0,
	} {
		if got := parseRSS(status); got != want {
			t.Errorf("%q: %d, want %d", status, got, want)
		}
	}
}

func TestParseHeap(t *testing.T) {
	for _, tc := range []struct {
		said string
		want int64
		ok   bool
	}{
		{"heap 100 stacks 20\n", 120, true},
		{"a warning\ngoroutines 4 conns 3 buffers 2 heap 100 stacks 20\n", 120, true},
		{"heap 100 stacks 2", 0, false},
		{"heap 100\n", 0, false},
		{"heap is large\nheap 1 stacks 2\n", 3, true},
		{"", 0, false},
	} {
		if got, ok := parseHeap(tc.said); got != tc.want || ok != tc.ok {
			t.Errorf("%q: %d %v", tc.said, got, ok)
		}
	}
}

func TestCPUModel(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel\t\t: 85\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: other\n"); got != "A CPU @ 2 GHz" {
		t.Errorf("got %q", got)
	}
	if got := cpuModel("processor: 0\n"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestMemoryPerConn(t *testing.T) {
	rss, heap := memory{3000, 1500}.per(memory{1000, 500}, 10)
	if rss != 200 || heap != 100 {
		t.Errorf("got %v %v", rss, heap)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	_, grown := tl.take()
	select {
	case <-grown:
		t.Fatal("nothing has been written")
	default:
	}
	tl.Write([]byte(" one\n"))
	<-grown
	if got := tl.String(); got != "one" {
		t.Errorf("got %q", got)
	}
	if got, _ := tl.take(); got != " one\n" {
		t.Errorf("took %q", got)
	}
	tl.Write(make([]byte, 5000))
	if got, _ := tl.take(); len(got) != 2<<10 {
		t.Errorf("%d bytes are kept", len(got))
	}
}

// Cells are told apart by their names, and servers by theirs.
func TestNames(t *testing.T) {
	cfg := new(Config)
	seen := make(map[string]bool)
	for _, group := range Groups() {
		for _, c := range cfg.cells(group) {
			if name := group + c.Name(); seen[name] || c.Group != group {
				t.Errorf("%s twice, or in the wrong group", name)
			} else {
				seen[name] = true
			}
		}
	}
	for _, p := range Peers() {
		if q, ok := Find(Peers(), p.Name); !ok || q.About != p.About {
			t.Errorf("%s is not found", p.Name)
		}
	}
	if _, ok := Find(Peers(), "none"); ok {
		t.Error("found what there is not")
	}
}

// A run can have some cells only, of the groups whose cells have names in common.
func TestNamedCells(t *testing.T) {
	cfg := &Config{Cells: []string{"64 B 1×1"}}
	for _, group := range []string{result.Closed, result.Calls} {
		if cells := cfg.cells(group); len(cells) != 1 || cells[0].Conns != 1 || cells[0].Group != group {
			t.Errorf("%s: %+v", group, cells)
		}
	}
	cfg.Cells = []string{"1 KiB 64×16"}
	if cells := cfg.cells(result.Calls); len(cells) != 0 {
		t.Errorf("%+v", cells)
	}
}
