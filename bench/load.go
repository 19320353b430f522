package bench

// The command load: clients that keep servers busy.

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/peer"
)

const (
	maxSize  = 99_000  // what every server takes
	maxAhead = 4 << 20 // bytes under way on a conn: half of what a conn queues
	patience = 5 * time.Second
)

// loadConfig says what a load is to do.
type loadConfig struct {
	connect  addrs
	conns    int // in all, spread over the addresses
	depth    int // packets under way on each
	size     int // of a payload, in bytes
	duration time.Duration
	patience time.Duration // for the last replies
}

func loadCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	cfg := loadConfig{patience: patience}
	fs.Var(&cfg.connect, "connect", "`ADDR` of a server, tcp://HOST:PORT or unix:///PATH; given several times, the conns are spread over them")
	cfg.flags(fs, 64, 16)
	quiet := fs.Bool("quiet", false, "print the summary only")
	asJSON := fs.Bool("json", false, "print one JSON object a line: ready, sample (each second), result; times in nanoseconds")
	untilEOF := fs.Bool("until-eof", false, "end early when standard input does, as the pipe from another process")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if len(cfg.connect) == 0 {
		return command.Usagef("--connect is missing")
	}
	if err := cfg.check(); err != nil {
		return err
	}
	if *untilEOF {
		ctx = withEOF(ctx, std.In)
	}
	var report reporter
	switch {
	case *asJSON:
		report = jsonReporter{json.NewEncoder(std.Out)}
	case *quiet:
		report = summaryReporter{std.Out}
	default:
		report = liveReporter{summaryReporter{std.Out}, &cfg}
	}
	return load(ctx, &cfg, report)
}

// flags defines the flags that load and run have in common.
func (cfg *loadConfig) flags(fs *flag.FlagSet, conns, depth int) {
	fs.IntVar(&cfg.conns, "conns", conns, "connections over sockets")
	fs.IntVar(&cfg.depth, "depth", depth, "packets under way on each of them")
	fs.IntVar(&cfg.size, "size", 64, "bytes of a payload, about; at least 30")
	fs.DurationVar(&cfg.duration, "duration", 10*time.Second, "how long")
}

func (cfg *loadConfig) check() error {
	switch {
	case cfg.conns < 1:
		return command.Usagef("--conns %d: want at least 1", cfg.conns)
	case cfg.depth < 1:
		return command.Usagef("--depth %d: want at least 1", cfg.depth)
	case cfg.size < 0 || cfg.size > maxSize:
		return command.Usagef("--size %d: want at most %d", cfg.size, maxSize)
	case cfg.depth > maxAhead/max(cfg.size, overhead):
		return command.Usagef("--depth %d of --size %d: want at most %d bytes under way on a conn", cfg.depth, cfg.size, maxAhead)
	case cfg.duration <= 0:
		return command.Usagef("--duration %v: want more than none", cfg.duration)
	}
	return nil
}

// withEOF returns a context that ends with ctx, or when r does.
func withEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx
}

// load puts traffic on servers, until the time is up or ctx is done, and
// reports it. A wrong reply is an error.
func load(ctx context.Context, cfg *loadConfig, report reporter) error {
	reg, echo, err := clientRegistry()
	if err != nil {
		return err
	}
	t := newTraffic(echo, cfg.depth, cfg.size)
	client := peer.NewClient(reg, &peer.Config{Events: peer.Events{OnMade: t.made, OnLost: t.lost}})
	defer client.Close()
	client.Untyped().HandleRaw(replyName, t.reply)
	if err := client.RunAsync(); err != nil {
		return err
	}
	r, err := drive(ctx, cfg, client, t, report)
	if err != nil {
		return err
	}
	report.result(r)
	return r.err()
}

func drive(ctx context.Context, cfg *loadConfig, client *peer.Client, t *traffic, report reporter) (result, error) {
	if err := connect(ctx, client, cfg); err != nil {
		if ctx.Err() != nil {
			return result{}, nil // interrupted before it began
		}
		return result{}, err
	}
	report.ready(cfg.conns)
	reactor := client.Reactor()
	if err := on(reactor, t.start); err != nil {
		return result{}, err
	}
	if err := watch(ctx, reactor, t, cfg.duration, report.sample); err != nil {
		return result{}, err
	}
	r, err := finish(reactor, t, cfg.patience)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.patience)
	defer cancel()
	client.Shutdown(ctx) // as good manners: a server that is slow to close takes nothing from the result
	return r, nil
}

func connect(ctx context.Context, client *peer.Client, cfg *loadConfig) error {
	for i := range cfg.conns {
		addr := cfg.connect[i%len(cfg.connect)]
		if _, err := client.Connect(ctx, addr); err != nil {
			return fmt.Errorf("%s: %w", addr, err)
		}
	}
	return nil
}

// watch takes a sample a second until the time is up, ctx is done, or all conns
// are lost.
func watch(ctx context.Context, r *engine.Reactor, t *traffic, d time.Duration, each func(sample)) error {
	began := time.Now()
	for at := time.Duration(0); at < d; {
		at = min(at+time.Second, d)
		select {
		case <-time.After(time.Until(began.Add(at))):
		case <-ctx.Done():
			return nil
		case <-t.over:
			return nil
		}
		var s sample
		if err := on(r, func() { s = t.sample() }); err != nil {
			return err
		}
		each(s)
	}
	return nil
}

// finish ends a traffic: it waits for the last replies and counts.
func finish(r *engine.Reactor, t *traffic, patience time.Duration) (res result, err error) {
	if err := on(r, t.end); err != nil {
		return result{}, err
	}
	select {
	case <-t.over:
	case <-time.After(patience):
	case <-r.Done():
	}
	return res, errors.Join(on(r, func() { res = t.result() }))
}
