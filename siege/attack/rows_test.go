package attack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build returns the path of bench, which it builds.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-C", "../../bench", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The rows that take no more than a second or two, against the real server.
// Those about latency are left out: other tests run beside them.
func TestRows(t *testing.T) {
	program := build(t)
	for _, name := range []string{"inputs", "files", "wrong", "log", "reuse", "ends", "idle", "rest"} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := Run(t.Context(), Config{Server: program, Only: []string{name}, Quick: true, Out: &out}); err != nil {
				t.Errorf("%v\n%s", err, &out)
			}
			if !strings.Contains(out.String(), "held    ") || !strings.Contains(out.String(), "1 of 1 held") {
				t.Errorf("got\n%s", &out)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, program) })
	t.Run("soak", func(t *testing.T) { testSoak(t, program) })
}

// An interruption ends it, and breaks nothing.
func testInterrupted(t *testing.T, program string) {
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Server: program, Only: []string{"slow", "rest"}, Out: &out})
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "interrupted") {
		t.Errorf("got\n%s", &out)
	}
}

func testSoak(t *testing.T, program string) {
	var out strings.Builder
	if err := Soak(t.Context(), SoakConfig{Server: program, Duration: 700 * time.Millisecond, Clients: 8, Out: &out}); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "descriptors") {
		t.Errorf("got\n%s", &out)
	}
}

func TestProgramMissing(t *testing.T) {
	var out strings.Builder
	err := Run(t.Context(), Config{Server: "/nowhere/at/all", Only: []string{"wrong"}, Quick: true, Out: &out})
	if !errors.Is(err, ErrBroken) || !strings.Contains(out.String(), "/nowhere/at/all") {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestUnknownRow(t *testing.T) {
	cfg := Config{Only: []string{"nonsense"}}
	if err := cfg.Check(); err == nil {
		t.Error("a row that there is not was taken")
	}
}

// Every row is in a wave that comes.
func TestWaves(t *testing.T) {
	for _, r := range rows(nil) {
		if r.wave < 0 || r.wave >= waves {
			t.Errorf("row %s is in wave %d of %d", r.name, r.wave, waves)
		}
	}
}

func TestLedger(t *testing.T) {
	before := holdings{goroutines: 9, files: 12, rss: 5}
	for what, after := range map[string]holdings{
		"":            {goroutines: 9, files: 11, rss: 500},
		"goroutines":  {goroutines: 10, files: 12},
		"descriptors": {goroutines: 9, files: 13},
		"conns":       {conns: 1},
		"buffers":     {buffers: 1},
	} {
		if got := after.kept(before); !strings.Contains(got, what) || what == "" && got != "" {
			t.Errorf("%+v: got %q, want %q", after, got, what)
		}
	}
}

// Those count during which others used the processors least, whatever they say.
func TestBouts(t *testing.T) {
	ms := time.Millisecond
	b := bouts{want: 2, all: []bout{{0.9, 1 * ms, []time.Duration{9 * ms}}, {0.1, 2 * ms, []time.Duration{5 * ms}}}}
	if b.done() {
		t.Error("done with one calm bout of two")
	}
	b.all = append(b.all, bout{0.15, 2 * ms, []time.Duration{7 * ms}})
	if !b.done() || b.alone() != 2*ms || b.beside(0) != 7*ms || b.busy() != 0.15 {
		t.Errorf("got %v %v %v %v, want the calm bouts alone", b.done(), b.alone(), b.beside(0), b.busy())
	}
	busy := bouts{want: 2}
	for i := range 6 {
		busy.all = append(busy.all, bout{1 - float64(i)/10, 9 * ms, []time.Duration{time.Duration(i) * ms}})
	}
	if !busy.done() || busy.beside(0) != 5*ms || busy.busy() != 0.6 || busy.stretch(2*ms) != 5*ms {
		t.Errorf("got %v %v %v, want the two calmest", busy.done(), busy.beside(0), busy.busy())
	}
}

func TestOthers(t *testing.T) {
	before := cpu{whole: 1000, idle: 500, ours: 100}
	if got := (cpu{whole: 1200, idle: 550, ours: 200}).others(before); got != 0.25 {
		t.Errorf("of 200, 50 idle and 100 ours, others used %v", got)
	}
	if got := (cpu{whole: 1200, idle: 600, ours: 201}).others(before); got != 0 {
		t.Errorf("got %v", got)
	}
	if _, err := readCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(100-i))
	}
	if quantile(d, 0.5) != 51 || quantile(d, 0.99) != 100 || quantile(nil, 0.5) != 0 || d[0] != 100 {
		t.Errorf("got %v, %v, %v", quantile(d, 0.5), quantile(d, 0.99), quantile(nil, 0.5))
	}
}

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		size(812): "812 B", size(3277): "3.2 KiB", size(-9 << 20): "-9.0 MiB",
		span(1234 * time.Microsecond): "1.23 ms", span(1500 * time.Millisecond): "1.50 s",
		count(1234567): "1,234,567", count(-123): "-123", count(int64(0)): "0",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPacketCheck(t *testing.T) {
	p := packet{7, 8, 64}
	good := frameOf(idReply, p.append(nil))[4:]
	if err := p.check(good, true); err != nil {
		t.Error(err)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		if p.check(bad, true) == nil {
			t.Errorf("a change of byte %d is not seen", i)
		}
	}
	for _, other := range []packet{{8, 8, 64}, {7, 9, 64}, {7, 8, 63}} {
		if p.check(frameOf(idReply, other.append(nil))[4:], false) == nil {
			t.Errorf("%v passes for %v", other, p)
		}
	}
}

func TestSoakJudges(t *testing.T) {
	before := holdings{goroutines: 9, files: 12}
	looks := func(heaps ...int64) (all []holdings) {
		for _, h := range heaps {
			all = append(all, holdings{goroutines: 9, files: 12, heap: h})
		}
		return all
	}
	leaky := looks(100, 100, 100)
	leaky[2].goroutines++
	for _, test := range []struct {
		name  string
		looks []holdings
		fails bool
	}{
		{"steady", looks(1000<<12, 1010<<12, 1000<<12, 990<<12, 1019<<12), false},
		{"noisy", looks(500<<10, 510<<10, 520<<10, 515<<10, 520<<10), false},
		{"less", looks(1000<<12, 800<<12, 500<<12), false},
		{"growing", looks(1000<<12, 1010<<12, 1020<<12, 1030<<12, 1040<<12), true},
		{"leaking", leaky, true},
	} {
		var c churn
		if err := c.judge(new(strings.Builder), before, test.looks); errors.Is(err, ErrBroken) != test.fails {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	c := churn{failed: 1, first: errors.New("not served")}
	if err := c.judge(new(strings.Builder), before, looks(1, 1)); !errors.Is(err, ErrBroken) {
		t.Errorf("a client that was not served: got %v", err)
	}
}
