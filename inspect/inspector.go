package inspect

// Inspector: gathers the figures of one peer, from each loop in turn.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Inspector gathers what a peer does. Any goroutine may use it but those of the peer's loops,
// where its methods return engine.ErrOnLoop.
type Inspector struct {
	// Set once.
	peer      *peer.Peer
	accepting accepting // nil: the peer accepts no sockets
	cfg       Config
	timing    *timing // nil: handlers are not timed
	watches   []loopWatch
	viewers   chan struct{} // has one for each page that is live and each trace

	// Guarded by mu.
	mu      sync.Mutex
	loops   []Loop    // of the last look at the loops
	missed  error     // what was missing in it
	looked  time.Time // when it was
	rows    []*row    // of the last visit to all conns
	visited time.Time // when it was

	visitedPart func(conns int) // of tests: is called at the end of each posted visit; set once
}

// accepting is a peer that accepts sockets: *peer.Server, or what embeds it.
type accepting interface{ HalfOpen() (open, most int) }

// New returns an Inspector of h, one of package peer's peers. It panics if h is none, as
// peer.Handle does. A peer may have several. Given the *peer.Peer of a server in place of the
// server, it does not know the bound HalfOpen.
func New(h peer.Host, cfg Config) *Inspector {
	p, err := peer.Of(h)
	if err != nil {
		panic(err)
	}
	i := &Inspector{peer: p, cfg: cfg.withDefaults()}
	i.accepting, _ = h.(accepting)
	if cfg.Timing {
		i.timing = timingOf(p)
	}
	for _, l := range p.Reactor().Loops() {
		i.watches = append(i.watches, loopWatch{loop: l, peer: p})
	}
	i.viewers = make(chan struct{}, i.cfg.Viewers)
	return i
}

// loopPatience is how long a loop is waited for. One that does not answer by then is left out:
// its reactor is stopped, or a callback holds it up.
const loopPatience = time.Second

// onLoop calls fn on a loop.
func onLoop(ctx context.Context, l *engine.Loop, fn func()) error {
	ctx, cancel := context.WithTimeout(ctx, loopPatience)
	defer cancel()
	err := l.Call(ctx, fn)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("inspect: loop %d did not answer within %v: %w", l.Index(), loopPatience, err)
	}
	return err
}

// Totals returns what the peer does without its conns one by one. What a loop does not tell
// within a second is left out, and Totals.Incomplete says so. The error is ctx's, or
// engine.ErrOnLoop.
func (i *Inspector) Totals(ctx context.Context) (*Totals, error) {
	if err := i.mayAsk(ctx); err != nil {
		return nil, err
	}
	t := &Totals{Time: time.Now()}
	var missed error
	if t.Loops, missed = i.lookAtLoops(ctx); missed == nil {
		t.Packets, missed = i.packets(ctx)
	}
	i.addStats(t)
	t.Limits = i.limits()
	if i.cfg.Cluster != nil {
		t.Cluster = i.cfg.Cluster()
	}
	if missed != nil {
		t.Incomplete = missed.Error()
	}
	return t, ctx.Err()
}

// mayAsk returns an error where nothing can be asked of the loops.
func (i *Inspector) mayAsk(ctx context.Context) error {
	if i.peer.Reactor().OnLoop() {
		return engine.ErrOnLoop
	}
	return ctx.Err()
}

// lookAtLoops asks the loops how busy they are, unless somebody has a moment ago.
func (i *Inspector) lookAtLoops(ctx context.Context) ([]Loop, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.looked) < i.cfg.Every/2 && i.loops != nil {
		return slices.Clone(i.loops), i.missed
	}
	i.looked = time.Now()
	i.loops, i.missed = nil, nil
	for n := range i.watches {
		l, err := i.lookAtLoop(ctx, &i.watches[n])
		if err != nil {
			i.missed = err
		}
		i.loops = append(i.loops, l)
	}
	return slices.Clone(i.loops), i.missed
}

func (i *Inspector) lookAtLoop(ctx context.Context, w *loopWatch) (Loop, error) {
	var l Loop // is not looked at if the loop answers too late
	err := onLoop(ctx, w.loop, func() {
		info := w.loop.Info()
		busy, longest := w.look(time.Now())
		l = Loop{
			Loop: w.loop.Index(), Conns: info.Conns, Sockets: info.Sockets, Callbacks: info.Callbacks,
			Posted: info.Posted, Ready: info.Ready, Timers: info.Timers, KeptInput: info.KeptInput,
			BusySeconds: w.allBusy.Seconds(), WatchedSeconds: w.allWatched.Seconds(),
			Busy: busy, Longest: longest.took.Seconds(), LongestPacket: longest.packet,
		}
	})
	if err != nil {
		return Loop{Loop: w.loop.Index(), Missing: true, Busy: -1}, err
	}
	return l, nil
}

// packets are the counts of the packet types.
func (i *Inspector) packets(ctx context.Context) ([]Packet, error) {
	ctx, cancel := context.WithTimeout(ctx, loopPatience)
	defer cancel()
	counts, err := i.peer.Counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("inspect: packets: %w", err)
	}
	times, err := i.handlerTimes(ctx)
	list := make([]Packet, 0, len(counts))
	for n := range counts {
		p := packetOf(&counts[n])
		if h := times[counts[n].Packet]; h != nil {
			p.Handler = h.handlerTime()
		}
		list = append(list, p)
	}
	return list, err
}

// handlerTimes are the times of the handlers, by packet type.
func (i *Inspector) handlerTimes(ctx context.Context) (map[*registry.Type]*histogram, error) {
	if i.timing == nil {
		return nil, nil
	}
	sum := make(map[*registry.Type]*histogram)
	for n, l := range i.peer.Reactor().Loops() {
		own := make(map[*registry.Type]*histogram) // is dropped if the loop answers too late
		if err := l.Call(ctx, func() { i.timing.loops[n].addTo(own) }); err != nil {
			return sum, fmt.Errorf("inspect: times of handlers: %w", err)
		}
		for t, h := range own {
			if sum[t] == nil {
				sum[t] = new(histogram)
			}
			sum[t].merge(h)
		}
	}
	return sum, nil
}

func packetOf(n *peer.PacketCount) Packet {
	p := Packet{In: Traffic(n.In), Out: Traffic(n.Out), Failed: n.Failed}
	if n.Packet != nil {
		p.Packet = n.Packet.Name()
	}
	return p
}

// addStats adds what the peer counts under a lock.
func (i *Inspector) addStats(t *Totals) {
	s := i.peer.Stats()
	t.Made, t.Unknown, t.Active = s.Made, s.Unknown, i.peer.NumConns()
	t.Ends, t.Refused = sorted(s.Lost), sorted(s.Refused)
	t.Unhandled, t.Differing = sorted(s.Unhandled), sorted(s.Differing)
	for range i.peer.AllConns() {
		t.Open++
	}
}

// sorted are the counts of m, the largest first.
func sorted(m map[string]uint64) []Count {
	list := make([]Count, 0, len(m))
	for name, n := range m {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int {
		if a.Count != b.Count {
			return cmp.Compare(b.Count, a.Count)
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return list
}

// limits are the bounds, the nearest first.
func (i *Inspector) limits() []Limit {
	u := i.peer.Reactor().Usage()
	list := []Limit{
		{"MaxConns", int64(u.Conns), int64(u.MaxConns)},
		{"MaxTotalPending", u.Output, u.MaxOutput},
		{"MaxTotalInput", u.Input, u.MaxInput},
		{"Workers", int64(u.Offloaded), int64(u.MaxWorkers)},
		{"offloaded calls that wait", int64(u.Waiting), int64(u.MaxWaiting)},
	}
	if i.accepting != nil {
		half, most := i.accepting.HalfOpen()
		list = append(list, Limit{"HalfOpen", int64(half), int64(most)})
	}
	slices.SortStableFunc(list, func(a, b Limit) int { return cmp.Compare(b.share(), a.share()) })
	return list
}

func (l Limit) share() float64 { return float64(l.Used) / float64(max(l.Most, 1)) }
