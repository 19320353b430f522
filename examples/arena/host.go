package main

// The server's process: the arena at its socket, the page, the bots, and the live line.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

// host serves an arena until ctx is done, and has bots play in it.
func host(ctx context.Context, o options, out io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a := newArena(arenaConfig{key: o.key, hz: o.hz, seats: max(20, (o.bots+o.rooms-1)/o.rooms)}, new(peer.Config))
	defer a.Close()
	if err := websocket.Enable(a, nil); err != nil {
		return err
	}
	ln, err := a.Listen("any://" + o.listen) // TCP for the bots, and WebSocket for whom it suits
	if err := errors.Join(err, a.RunAsync()); err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %v\n", ln.Addr())
	o.connect = ln.Addr().String()
	l := &live{arena: a, out: out}
	var ended sync.WaitGroup
	beside := func(f func() error) {
		ended.Go(func() {
			if err := f(); err != nil {
				stop(err)
			}
		})
	}
	if o.web != "" {
		web, err := net.Listen("tcp", o.web)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "play at http://%v/\n", web.Addr())
		beside(func() error { return a.servePage(ctx, web, o.client) })
	}
	beside(func() error { return runBots(ctx, o, l) })
	l.show(ctx)
	stop(nil)
	ended.Wait()
	return causeOf(ctx)
}

// runBots runs the bots until ctx is done, in a process of their own unless o says otherwise,
// and gives their reports to w.
func runBots(ctx context.Context, o options, w io.Writer) error {
	switch {
	case o.bots == 0:
		return nil
	case o.together:
		return playBots(ctx, o, w)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-connect", o.connect, "-bots", strconv.Itoa(o.bots),
		"-rooms", strconv.Itoa(o.rooms), "-hz", fmt.Sprint(o.hz))
	cmd.Env = append(os.Environ(), keyVar+"="+string(o.key))
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Run(); ctx.Err() == nil {
		return fmt.Errorf("the bots have ended: %w", err)
	}
	return nil
}

// causeOf is why ctx was ended, if that is an error.
func causeOf(ctx context.Context) error {
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// sleep waits until d has passed, or ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
