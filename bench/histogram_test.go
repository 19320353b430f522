package bench

import (
	"math"
	"testing"
	"time"
)

func TestHistogramIsExactToOnePercent(t *testing.T) {
	for _, want := range []time.Duration{1, 99, 150, 1234, 98765, time.Millisecond, 1234567, time.Second, time.Minute} {
		h := newHistogram()
		h.record(int64(want))
		for _, got := range []time.Duration{h.quantile(50), h.quantile(99), h.max()} {
			if off := math.Abs(float64(got-want)) / float64(want); off > 0.01 {
				t.Errorf("%d ns is counted as %d, %.1f %% off", want, got, 100*off)
			}
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	h := newHistogram()
	for i := range int64(100) {
		h.record(i + 1)
	}
	if p50, p99, most := h.quantile(50), h.quantile(99), h.max(); p50 != 50 || p99 != 99 || most != 100 {
		t.Errorf("got %d, %d, %d", p50, p99, most)
	}
}

func TestHistogramBounds(t *testing.T) {
	h := newHistogram()
	h.record(-1)
	h.record(math.MaxInt64)
	if h.TotalCount() != 2 {
		t.Errorf("%d of 2 values counted", h.TotalCount())
	}
	if empty := newHistogram(); empty.quantile(99) != 0 || empty.max() != 0 {
		t.Error("an empty histogram has a latency")
	}
}
