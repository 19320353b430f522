package report

import (
	"fmt"
	"math"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// What is taken from samples, and how numbers are written.

var (
	limit = result.Subject{Peer: "limit", Mode: "raw"}
	naive = result.Subject{Peer: "gnet-naive", Mode: "raw"}
)

// perPacket, throughput and the rest are what tables are of.
var (
	perPacket  = (*result.Sample).PerPacket
	total      = (*result.Sample).TotalPerPacket
	crossed    = (*result.Sample).CrossedPerPacket
	throughput = (*result.Sample).Throughput
	serverUse  = (*result.Sample).ServerUse
	loadUse    = (*result.Sample).LoadUse
	loadAllocs = (*result.Sample).LoadAllocs
	seconds    = func(s *result.Sample) float64 { return s.Seconds }
	rss        = func(s *result.Sample) float64 { return s.RSS }
	heap       = func(s *result.Sample) float64 { return s.Heap }
)

func percentile(of func(*result.Load) int64) result.Measure {
	return func(s *result.Sample) float64 { return float64(of(&s.Load)) / 1e3 }
}

// percentiles are in microseconds.
var percentiles = []struct {
	name string
	of   result.Measure
}{
	{"p50", percentile(func(l *result.Load) int64 { return l.P50 })},
	{"p90", percentile(func(l *result.Load) int64 { return l.P90 })},
	{"p99", percentile(func(l *result.Load) int64 { return l.P99 })},
	{"p99.9", percentile(func(l *result.Load) int64 { return l.P999 })},
	{"max", percentile(func(l *result.Load) int64 { return l.Max })},
}

// spread shows a median, and the quartiles where they are not the same.
func spread(s result.Stat, scale float64) string {
	if !s.Known() || s.Low == s.High {
		return median(s, scale)
	}
	return fmt.Sprintf("%s <sub>%s–%s</sub>", median(s, scale), number(s.Low*scale), number(s.High*scale))
}

func median(s result.Stat, scale float64) string {
	if !s.Known() {
		return "–"
	}
	return number(s.Median*scale) + mark(s)
}

// mark is beside what was measured while others used the machine.
func mark(s result.Stat) string {
	if s.Marked() {
		return "~"
	}
	return ""
}

// number has about three digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
