package inspect

// How long handlers take, by packet type: histograms that each loop keeps for itself.

import (
	"math"
	"math/bits"
	"sync"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// HandlerTime is how long the handlers of a packet type have taken, with their middleware. Times
// are in seconds.
type HandlerTime struct {
	Count   uint64  `json:"count"`
	Sum     float64 `json:"sum"`
	P50     float64 `json:"p50"` // to within an eighth
	P99     float64 `json:"p99"`
	Longest float64 `json:"longest"`

	// Buckets are how many took as long as their bound or less, in ascending order. Those
	// beyond the last one are in Count alone.
	Buckets []Bucket `json:"-"`
}

// Bucket is how many handlers took at most so many seconds.
type Bucket struct {
	Most  float64
	Count uint64
}

const (
	// parts is how many buckets of a histogram lie between a time and twice that.
	parts    = 4
	partBits = 2

	lowest  = 7  // 128 ns: what is shorter is in the first bucket
	highest = 34 // 17 s: what is longer is in the last bucket
	buckets = (highest-lowest)*parts + 1
)

// histogram counts times. One takes less than 1 KiB.
type histogram struct {
	counts  [buckets]uint64
	sum     time.Duration
	longest time.Duration
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.sum += d
	h.longest = max(h.longest, d)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.sum += other.sum
	h.longest = max(h.longest, other.longest)
}

// bucketOf is the bucket that a time is counted in.
func bucketOf(d time.Duration) int {
	if d < 1<<lowest {
		return 0
	}
	exp := bits.Len64(uint64(d)) - 1
	part := int(uint64(d)>>(exp-partBits)) & (parts - 1)
	return min((exp-lowest)*parts+part+1, buckets-1)
}

// upTo is the time at which a bucket ends.
func upTo(bucket int) time.Duration {
	exp, part := lowest+bucket/parts, bucket%parts
	return time.Duration(uint64(parts+part) << (exp - partBits))
}

// quantile is a time that so many, from 0 to 1, did not exceed: the middle of its bucket.
func (h *histogram) quantile(q float64, count uint64) time.Duration {
	rank, seen := uint64(math.Ceil(q*float64(count))), uint64(0)
	for i, n := range h.counts {
		if seen += n; seen >= rank && n > 0 {
			if i == 0 {
				return upTo(0) / 2
			}
			return min((upTo(i-1)+upTo(i))/2, h.longest)
		}
	}
	return 0
}

func (h *histogram) handlerTime() *HandlerTime {
	t := &HandlerTime{Sum: h.sum.Seconds(), Longest: h.longest.Seconds()}
	for _, n := range h.counts {
		t.Count += n
	}
	if t.Count == 0 {
		return nil
	}
	t.P50, t.P99 = h.quantile(0.5, t.Count).Seconds(), h.quantile(0.99, t.Count).Seconds()
	seen := uint64(0)
	for i, n := range h.counts[:buckets-1] {
		if seen += n; i%parts == 0 { // each twice the one before
			t.Buckets = append(t.Buckets, Bucket{upTo(i).Seconds(), seen})
		}
	}
	return t
}

// timing measures the handlers of one peer.
type timing struct {
	once  sync.Once
	loops []loopTiming
}

// loopTiming is what one loop has measured. Loop only.
type loopTiming struct {
	types []typeTiming // by Type.Index
	_     [40]byte     // loops do not share cache lines
}

type typeTiming struct {
	packet *registry.Type
	times  *histogram
}

// timings are those of each peer, so that two Inspectors of one peer measure once.
var timings = peer.NewPeerSlot[*timing]()

// timingOf is the timing of p, which begins with the first call.
func timingOf(p *peer.Peer) *timing {
	t := timings.GetOrSet(p, func() *timing { return &timing{loops: make([]loopTiming, len(p.Reactor().Loops()))} })
	t.once.Do(func() { p.Use(t.around) })
	return t
}

// around is the middleware that measures.
func (t *timing) around(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		loop, packet := in.Conn().Loop().Index(), in.Packet()
		began := time.Now()
		err := next(in)
		t.loops[loop].histogram(packet).add(time.Since(began))
		return err
	}
}

// histogram is that of a packet type.
func (l *loopTiming) histogram(t *registry.Type) *histogram {
	i := t.Index()
	for i >= len(l.types) {
		l.types = append(l.types, typeTiming{})
	}
	own := &l.types[i]
	if own.packet != t { // the times are a removed packet's
		*own = typeTiming{t, new(histogram)}
	}
	return own.times
}

// addTo adds what a loop has measured to sum. On that loop only.
func (l *loopTiming) addTo(sum map[*registry.Type]*histogram) {
	for _, own := range l.types {
		if own.packet == nil {
			continue
		}
		h := sum[own.packet]
		if h == nil {
			h = new(histogram)
			sum[own.packet] = h
		}
		h.merge(own.times)
	}
}
