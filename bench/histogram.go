package main

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram counts latencies, in nanoseconds, to within one percent.
type histogram struct{ *hdrhistogram.Histogram }

// longest is what longer latencies are counted as.
const longest = int64(10 * time.Minute)

func newHistogram() histogram { return histogram{hdrhistogram.New(1, longest, 2)} }

func (h histogram) record(ns int64) { h.RecordValue(min(max(ns, 0), longest)) }

func (h histogram) quantile(q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q))
}

func (h histogram) max() time.Duration { return time.Duration(h.Max()) }
