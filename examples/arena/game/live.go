package game

// The live line: what the server does, each second, and what comes of it at the bots.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// live writes a line each second. As a Writer it takes the reports of the bots.
type live struct {
	arena *arena
	out   io.Writer

	mu   sync.Mutex
	last report // guarded by mu
}

// Write takes a report, or what the process of the bots writes of it at once.
func (l *live) Write(b []byte) (int, error) {
	var r report
	if _, err := fmt.Sscanf(string(b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]), reportFormat, &r.playing, &r.of, &r.sees, &r.p99, &r.total); err != nil {
		return 0, fmt.Errorf("report of the bots: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = r
	return len(b), nil
}

func (l *live) report() report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// sample is what the server has done until a moment.
type sample struct {
	at, cpu            time.Duration // cpu is that of the process
	players, rooms     int
	elsewhere          int // players at other nodes
	snapshots, packets uint64
}

// sample takes one, on the loop.
func (l *live) sample() sample {
	a := l.arena
	s := sample{at: a.Reactor().Loops()[0].Time(), cpu: cpuTime(), players: len(a.players), rooms: len(a.halls), packets: a.handled}
	for _, r := range a.remote {
		s.elsewhere += len(r)
	}
	for _, h := range a.halls {
		s.snapshots += h.positions.Stats().Ticks
	}
	return s
}

// show writes lines until ctx is done, and in the end one about the time since all bots play.
func (l *live) show(ctx context.Context) {
	var first, last sample // first is the one when all bots had begun to play
	for sleep(ctx, time.Second) {
		var s sample
		if l.arena.Reactor().Loops()[0].Call(ctx, func() { s = l.sample() }) != nil {
			break
		}
		r := l.report()
		l.line(last, s, r.p99)
		if last = s; first.at == 0 && r.all() {
			first = s
		}
	}
	if first.at > 0 && last.at > first.at {
		fmt.Fprint(l.out, "all in all: ")
		l.line(first, last, l.report().total)
	}
}

func (l *live) line(from, to sample, p99 int) {
	t := (to.at - from.at).Seconds()
	if l.arena.others != nil {
		fmt.Fprintf(l.out, "%d players at other nodes, a bot here sees up to %d; ", to.elsewhere, l.report().sees)
	}
	fmt.Fprintf(l.out, "%d players in %d rooms, server %.1f %% of a core, %.0f packets/s in, %.0f snapshots/s out, p99 %.1f ms off\n",
		to.players, to.rooms, 100*(to.cpu-from.cpu).Seconds()/t, float64(to.packets-from.packets)/t,
		float64(to.snapshots-from.snapshots)/t, float64(p99)/1000)
}
