package bench

// The command state: how old the values are that readers of a state get, with readers beside
// them that stall, and what waits for those.

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/state"
)

// place is a value of the state that is measured.
type place struct {
	ID   uint64
	At   int64 // when it was set, in nanoseconds since the beginning
	X, Y float64
}

var places = state.Define("bench:place", 30, func(p *place) uint64 { return p.ID })

// stateLoad is what is measured.
type stateLoad struct {
	keys, readers, stalled, sets int
	hz                           float64
	window                       time.Duration
}

func stateCommand(ctx context.Context, args []string, std command.IO) error {
	var l stateLoad
	fs := flag.NewFlagSet("state", flag.ContinueOnError)
	rounds := fs.Int("rounds", 5, "rounds, each without and with readers that stall")
	fs.IntVar(&l.keys, "keys", 10000, "keys of the state")
	fs.IntVar(&l.readers, "readers", 200, "readers, over TCP")
	fs.IntVar(&l.stalled, "stalled", 20, "readers that stall, of all")
	fs.IntVar(&l.sets, "sets", 1000, "values that are set a second")
	fs.Float64Var(&l.hz, "hz", state.DefaultHz, "ticks a second")
	fs.DurationVar(&l.window, "window", 2*time.Second, "time that is measured, of each")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if *rounds < 1 || l.keys < 1 || l.stalled < 1 || l.stalled >= l.readers || l.sets < 1 {
		return command.Usagef("--rounds, --keys, --sets and --stalled are to be at least 1, --readers more than --stalled")
	}
	var results [2][]stateResult
	for range *rounds {
		for i, stalled := range []int{0, l.stalled} {
			run := l
			run.stalled = stalled
			r, err := run.measure(ctx)
			if err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	l.print(std, results)
	return nil
}

func (l *stateLoad) print(std command.IO, results [2][]stateResult) {
	fmt.Fprintf(std.Out, "%s keys at %g Hz, %s readers, %s sets a second: how old values are when they arrive; medians of rounds\n",
		figures.Count(int64(l.keys)), l.hz, figures.Count(int64(l.readers)), figures.Count(int64(l.sets)))
	rows := [][]string{{"", "values", "p50", "p99", "waits for one that stalls"}}
	for i, name := range []string{"all read", fmt.Sprintf("%d stall", l.stalled)} {
		m := medianOf(results[i])
		row := []string{name, figures.Count(m.values), figures.Latency(m.p50), figures.Latency(m.p99), ""}
		if i == 1 {
			row[4] = fmt.Sprintf("%d B", m.pending)
		}
		rows = append(rows, row)
	}
	table(std.Out, rows)
	var ratios []float64
	for i := range results[0] {
		ratios = append(ratios, float64(results[1][i].p99)/float64(results[0][i].p99))
	}
	slices.Sort(ratios)
	fmt.Fprintf(std.Out, "p99 with readers that stall to that without, by pairs of the same round: %.2f\n", ratios[len(ratios)/2])
}

// stateResult is what one run has measured.
type stateResult struct {
	values   int64 // that arrived
	p50, p99 time.Duration
	pending  int64 // bytes that wait in the server for a reader, at most
}

func medianOf(all []stateResult) stateResult {
	by := func(of func(r *stateResult) int64) int64 {
		var list []int64
		for i := range all {
			list = append(list, of(&all[i]))
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	return stateResult{
		values:  by(func(r *stateResult) int64 { return r.values }),
		p50:     time.Duration(by(func(r *stateResult) int64 { return int64(r.p50) })),
		p99:     time.Duration(by(func(r *stateResult) int64 { return int64(r.p99) })),
		pending: by(func(r *stateResult) int64 { return r.pending }),
	}
}

// readers are the conns of a client that acknowledges each tick, and keeps no value: mirrors
// of so many readers would take more time than what is measured. On the client's loop.
type readers struct {
	began  time.Time
	ages   histogram
	synced atomic.Int64
}

func (r *readers) value(_ *peer.Conn, p *place) error {
	r.ages.record(int64(time.Since(r.began)) - p.At)
	return nil
}

// message acknowledges the ends of ticks: [1 or 2, stream, n] with [5, stream, n].
func (r *readers) message(c *peer.Conn, payload []byte) error {
	if kind := payload[1]; kind == 1 || kind == 2 {
		if kind == 2 {
			r.synced.Add(1)
		}
		answer := bytes.Clone(payload)
		answer[1] = 5
		return c.SendExtension(state.FeatureState, answer)
	}
	return nil
}

// measure runs a server and its readers, and measures them for the window.
func (l *stateLoad) measure(ctx context.Context) (res stateResult, err error) {
	reg, adapting := registry.New(), registry.NewAdapting()
	reg.MustAdd(places.Packets()...)
	adapting.MustAdd(places.Packets()...)
	server, client := peer.NewServer(reg, nil), peer.NewClient(adapting, nil)
	defer client.Close()
	defer server.Close()
	r := &readers{began: time.Now(), ages: newHistogram()}
	st := state.NewFor(server, places, state.Hz(l.hz))
	if err := client.Extend(peer.Extension{Feature: state.FeatureState, Packet: r.message}); err != nil {
		return res, err
	}
	peer.Handle(client, places.Packet(), r.value)
	for i := range l.keys {
		st.Set(&place{ID: uint64(i)})
	}
	conns, err := l.connect(ctx, server, client)
	if err != nil {
		return res, err
	}
	for c := range server.Conns() {
		if err := st.Join(c); err != nil {
			return res, err
		}
	}
	if err := waitFor(ctx, func() bool { return r.synced.Load() == int64(l.readers) }); err != nil {
		return res, err
	}
	stop := l.set(st, r.began)
	defer stop()
	for _, c := range conns[:l.stalled] {
		c.PauseRead()
	}
	loop := client.Reactor()
	if err := on(loop, func() { r.ages.Reset() }); err != nil {
		return res, err
	}
	select {
	case <-time.After(l.window):
	case <-ctx.Done():
		return res, ctx.Err()
	}
	err = on(loop, func() {
		res.values, res.p50, res.p99 = r.ages.TotalCount(), r.ages.quantile(50), r.ages.quantile(99)
	})
	for c := range server.Conns() {
		res.pending = max(res.pending, int64(c.Pending()))
	}
	return res, err
}

// connect connects the readers, and returns their ends.
func (l *stateLoad) connect(ctx context.Context, server *peer.Server, client *peer.Client) (conns []*peer.Conn, err error) {
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := server.RunAsync(); err != nil {
		return nil, err
	}
	if err := client.RunAsync(); err != nil {
		return nil, err
	}
	for range l.readers {
		c, err := client.Connect(ctx, "tcp://"+ln.Addr().String())
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, waitFor(ctx, func() bool { return server.NumConns() == l.readers })
}

// set sets values, as many a second as there are to be, until stop is called.
func (l *stateLoad) set(st *state.State[place], began time.Time) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n, from := 0, time.Now(); ; {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			for due := int(time.Since(from).Seconds() * float64(l.sets)); n < due; n++ {
				at := int64(time.Since(began))
				st.Set(&place{ID: uint64(n % l.keys), At: at, X: float64(n), Y: float64(-n)})
			}
		}
	}()
	return func() { close(done); <-ended }
}

// waitFor waits until ok is true.
func waitFor(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}
