package bench

// Latencies, counted.

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram counts latencies, in nanoseconds, to within one percent.
type histogram struct{ *hdrhistogram.Histogram }

// longest is the longest latency in the histogram, in nanoseconds. Longer ones count
// as that.
const longest = int64(10 * time.Minute)

func newHistogram() histogram { return histogram{hdrhistogram.New(1, longest, 2)} }

func (h histogram) record(ns int64) { h.RecordValue(min(max(ns, 0), longest)) }

func (h histogram) quantile(q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q))
}

func (h histogram) max() time.Duration { return time.Duration(h.Max()) }
