package bench

// What a load has counted in a span of time.

import (
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/packetmq/packetmq/internal/figures"
)

// sample is what a traffic did in a span of time. Times are in nanoseconds.
type sample struct {
	At      time.Duration `json:"at"`   // when the span ended, since the beginning
	Span    time.Duration `json:"span"` // how long it was
	Conns   int           `json:"conns"`
	Packets int64         `json:"packets"`
	Errors  int64         `json:"errors"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
}

// rate is in packets a second.
func (s *sample) rate() float64 {
	if s.Span <= 0 {
		return 0
	}
	return float64(s.Packets) / s.Span.Seconds()
}

// result is a sample of all that a traffic did.
type result struct {
	sample
	Latency *hdrhistogram.Snapshot `json:"latency"`
	Problem string                 `json:"problem,omitempty"` // the first error
}

func (r *result) err() error {
	if r.Errors == 0 {
		return nil
	}
	return errors.New(figures.Plural(r.Errors, "error") + ", the first: " + r.Problem)
}

// sum joins two results of traffic at the same time.
func sum(a, b result) result {
	latency := newHistogram()
	for _, r := range []result{a, b} {
		if r.Latency.Validate() == nil { // none, if there was no traffic
			latency.Merge(hdrhistogram.Import(r.Latency))
		}
	}
	a.sample = sample{
		At:      max(a.At, b.At),
		Span:    max(a.Span, b.Span),
		Conns:   a.Conns + b.Conns,
		Packets: a.Packets + b.Packets,
		Errors:  a.Errors + b.Errors,
	}
	a.latencies(latency)
	return a
}

func (s *sample) latencies(h histogram) {
	s.P50, s.P99, s.Max = h.quantile(50), h.quantile(99), h.max()
}

func (s *span) sample(now time.Duration, conns int) sample {
	a := sample{At: now, Span: now - s.began, Conns: conns, Packets: s.packets, Errors: s.errors}
	a.latencies(s.latency)
	return a
}

// add adds what a later span counted.
func (s *span) add(later *span) {
	s.packets += later.packets
	s.errors += later.errors
	s.latency.Merge(later.latency.Histogram)
}

func (s *span) clear(now time.Duration) {
	s.began, s.packets, s.errors = now, 0, 0
	s.latency.Reset()
}
