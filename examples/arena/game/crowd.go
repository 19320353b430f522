package game

// The crowd: many bots over TCP, and what they report to the process of the server.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// crowd is bots on one loop.
type crowd struct {
	options
	reg     *registry.Registry
	reactor *engine.Reactor
	fail    context.CancelCauseFunc

	// Loop only.
	lives   []life
	playing int   // bots that have entered
	second  meter // the last second
	total   meter // since all have entered
}

// report is what a crowd tells once a second. Times are in microseconds.
type report struct {
	playing    int // bots
	of         int
	sees       int // players, the bot itself among them: of those that see most
	p99, total int // by how much snapshots miss their period, in this second and since all play
}

const reportFormat = "%d of %d play and see %d, p99 %d, total %d\n"

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
	c.reg, c.lives = reg, make([]life, o.bots)
	if err := c.reactor.Loops()[0].Call(ctx, func() {
		for i := range o.bots {
			c.begin(i, o.connect)
		}
	}); err != nil {
		return err
	}
	if o.node != "" {
		signal.Ignore(syscall.SIGPIPE) // bots outlive the process of their node
	}
	for sleep(ctx, time.Second) {
		var r report
		if c.reactor.Loops()[0].Call(ctx, func() { r = c.report() }) != nil {
			break
		}
		if _, err := fmt.Fprintf(out, reportFormat, r.playing, r.of, r.sees, r.p99, r.total); err != nil {
			if o.node == "" {
				return err
			}
			out = io.Discard // its node is gone
		}
	}
	return causeOf(ctx)
}

// life is a bot, from where it has connected to on.
type life struct {
	bot    *bot
	client *peer.Client
	fails  int // attempts in a row to find a node
}

const (
	retryAfter = 100 * time.Millisecond // between them
	retries    = 100                    // of them
)

// elsewhere is why the session of a player ends who plays at another node.
const elsewhere = peer.Reason("reason.elsewhere")

var errNoNode = errors.New("there is no node any more")

// begin has a bot begin to play at addr.
func (c *crowd) begin(i int, addr string) {
	cfg := botConfig{
		name: fmt.Sprintf("bot%d", i), room: fmt.Sprintf("room%d", i%c.rooms),
		hz: c.hz, seed: uint64(i), snapshot: c.snapshot,
	}
	if c.node != "" {
		cfg.name = fmt.Sprintf("bot%d-%s", i, c.node)
	}
	cfg.token = c.key.token(cfg.name)
	pc := cfg.peerConfig(c.reactor)
	var cli *peer.Client
	isCurrent := func() bool { return c.lives[i].client == cli }
	cfg.entered = func(err error) {
		if isCurrent() {
			c.entered(i, err)
		}
	}
	if c.node != "" {
		pc.OnConnectFailed = func(string, error) {
			if isCurrent() {
				c.goElsewhere(i)
			}
		}
	}
	cli = peer.NewClient(c.reg, pc)
	c.lives[i].client, c.lives[i].bot = cli, newBot(cli, cfg)
	if err := cli.ConnectAsync(addr, session.Over(c.lives[i].bot.session)); err != nil {
		c.fail(err)
	}
}

// entered is told when a bot has begun to play, and why one does not, or not any more.
func (c *crowd) entered(i int, err error) {
	switch {
	case err != nil && c.node != "" && !errors.Is(err, elsewhere):
		c.goElsewhere(i)
		return
	case err != nil:
		c.fail(fmt.Errorf("a bot cannot play, or not any more: %w", err))
		return
	}
	c.lives[i].fails = 0
	if c.playing++; c.playing == c.bots {
		c.total.reset()
	}
}

// goElsewhere has a bot, whose node is gone, begin anew at any node that there is.
func (c *crowd) goElsewhere(i int) {
	l := &c.lives[i]
	if l.bot.steps != nil {
		c.playing--
		l.bot.steps.Stop()
	}
	go l.client.Close()
	l.client = nil
	l.fails++
	nodes := nodeFiles(c.key)
	if l.fails > retries || len(nodes) == 0 {
		c.fail(errNoNode)
		return
	}
	to := nodes[(i+l.fails)%len(nodes)].Addr
	c.reactor.After(retryAfter, func() { c.begin(i, to) })
}

// snapshot is told how long after the one before a snapshot has come.
func (c *crowd) snapshot(distance time.Duration) {
	c.second.add(distance)
	if c.playing == c.bots {
		c.total.add(distance)
	}
}

func (c *crowd) report() report {
	sees := 0
	for i := range c.lives {
		sees = max(sees, c.lives[i].bot.others.Len())
	}
	r := report{c.playing, c.bots, sees, int(c.second.p99().Microseconds()), int(c.total.p99().Microseconds())}
	c.second.reset()
	return r
}
