package bench

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	a := result{sample: sample{At: 2 * time.Second, Span: 2 * time.Second, Conns: 64, Packets: 424690, Errors: 1}}
	b := result{sample: sample{At: 2 * time.Second, Span: 2 * time.Second, Conns: 4, Packets: 2000}}
	latencies := newHistogram()
	latencies.record(210_000)
	a.latencies(latencies)
	a.Latency = latencies.Export()
	latencies.Reset()
	latencies.record(2_300)
	latencies.record(2_300)
	b.latencies(latencies)
	b.Latency = latencies.Export()
	all := sum(a, b)
	var got strings.Builder
	table(&got, [][]string{header(), a.row("tcp clients", a.rate()), b.row("memory clients", b.rate()), all.row("total", all.rate())})
	const want = `                    conns   packets   packets/s       p50       p99       max   errors
      tcp clients      64   424,690     212,345   0.21 ms   0.21 ms   0.21 ms        1
   memory clients       4     2,000       1,000    2.3 µs    2.3 µs    2.3 µs        0
            total      68   426,690     213,345    2.3 µs   0.21 ms   0.21 ms        1
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// A result that never came counts as nothing.
func TestSumOfNothing(t *testing.T) {
	all := sum(result{}, result{})
	if all.Packets != 0 || all.P99 != 0 || all.rate() != 0 {
		t.Errorf("got %+v", all.sample)
	}
}

func TestLiveLine(t *testing.T) {
	s := sample{At: 3 * time.Second, Span: time.Second, Packets: 212345, P50: 210 * time.Microsecond, P99: 800 * time.Microsecond}
	const want = "   3s  64 conns      212,345 packets/s  p50  0.21 ms  p99  0.80 ms"
	if got := s.live("64 conns", ""); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	s.Errors = 1
	if got := s.live("64 conns", ""); got != want+"  1 error" {
		t.Errorf("got %q", got)
	}
}
