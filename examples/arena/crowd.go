package main

// The crowd: many bots over TCP, and what they report to the process of the server.

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// crowd is bots on one loop.
type crowd struct {
	options
	reactor *engine.Reactor
	fail    context.CancelCauseFunc

	// Loop only.
	playing int   // bots that have entered
	second  meter // the last second
	total   meter // since all have entered
}

// report is what a crowd tells once a second. Times are in microseconds.
type report struct {
	playing    int // bots
	of         int
	p99, total int // by how much snapshots miss their period, in this second and since all play
}

const reportFormat = "%d of %d play, p99 %d, total %d\n"

// all reports whether all bots play.
func (r *report) all() bool { return r.of > 0 && r.playing == r.of }

// playBots connects bots to the server at o.connect, and writes a report each second until ctx
// is done.
func playBots(ctx context.Context, o options, out io.Writer) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	period := time.Duration(float64(time.Second) / o.hz)
	c := &crowd{options: o, reactor: engine.New(nil), fail: fail, second: meter{period: period}, total: meter{period: period}}
	defer c.reactor.Close()
	if err := c.reactor.RunAsync(); err != nil {
		return err
	}
	reg := withPackets(registry.NewAdapting()) // for all of them
	for i := range o.bots {
		if err := c.add(reg, i); err != nil {
			return err
		}
	}
	for sleep(ctx, time.Second) {
		var r report
		if c.reactor.Loops()[0].Call(ctx, func() { r = c.report() }) != nil {
			break
		}
		if _, err := fmt.Fprintf(out, reportFormat, r.playing, r.of, r.p99, r.total); err != nil {
			return err
		}
	}
	return causeOf(ctx)
}

// add has one more bot connect.
func (c *crowd) add(reg *registry.Registry, i int) error {
	cfg := botConfig{
		name: fmt.Sprintf("bot%d", i), room: fmt.Sprintf("room%d", i%c.rooms),
		hz: c.hz, seed: uint64(i), snapshot: c.snapshot, entered: c.entered,
	}
	cfg.token = c.key.token(cfg.name)
	cli := peer.NewClient(reg, cfg.peerConfig(c.reactor))
	b := newBot(cli, cfg)
	return cli.ConnectAsync(c.connect, session.Over(b.session))
}

// entered is told when a bot has begun to play, and why one does not, or not any more.
func (c *crowd) entered(err error) {
	if err != nil {
		c.fail(fmt.Errorf("a bot cannot play, or not any more: %w", err))
		return
	}
	if c.playing++; c.playing == c.bots {
		c.total.reset()
	}
}

// snapshot is told how long after the one before a snapshot has come.
func (c *crowd) snapshot(distance time.Duration) {
	c.second.add(distance)
	if c.playing == c.bots {
		c.total.add(distance)
	}
}

func (c *crowd) report() report {
	r := report{c.playing, c.bots, int(c.second.p99().Microseconds()), int(c.total.p99().Microseconds())}
	c.second.reset()
	return r
}
