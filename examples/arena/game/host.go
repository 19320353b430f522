package game

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

// host serves an arena until ctx is done, and has bots play in it. It is a node if o has a name
// for it.
func host(ctx context.Context, o options, out io.Writer, cluster Cluster) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	routes, err := o.routes()
	if err != nil {
		return err
	}
	a, err := startArena(o)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.node != "" {
		n := Node{Name: o.node, Secret: string(o.key.sign(" nodes ")), Routes: routes} // no player has a name with a space
		if err := a.joinCluster(ctx, cluster, n); err != nil {
			return err
		}
		defer a.others.Close()
	}
	ln, err := a.Listen("any://" + o.listen) // TCP for the bots, and WebSocket for whom it suits
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %v\n", ln.Addr())
	o.connect = ln.Addr().String()
	if o.node != "" {
		f := nodeFile{o.node, o.connect, a.others.Route(), o.key}
		if err := f.write(); err != nil {
			return err
		}
		defer f.remove()
		fmt.Fprintf(out, "node %s is process %d\n", o.node, os.Getpid())
	}
	return a.play(ctx, stop, o, out)
}

// routes are the addresses of the node to join, if there is one. Its key is the arena's from then on.
func (o *options) routes() ([]string, error) {
	if o.join == "" {
		return nil, nil
	}
	first, err := readNode(o.join)
	if err != nil {
		return nil, err
	}
	o.key = first.Key
	return []string{first.Route}, nil
}

// startArena makes an arena that runs, and listens nowhere yet.
func startArena(o options) (*arena, error) {
	seats := max(20, (o.bots+o.rooms-1)/o.rooms)
	if o.node != "" {
		seats *= 10 // for players of nodes that are gone
	}
	a := newArena(arenaConfig{key: o.key, hz: o.hz, seats: seats}, new(peer.Config))
	if err := errors.Join(websocket.Enable(a, nil), a.RunAsync()); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// play has the page served and the bots play, and shows the live line, until ctx is done. stop ends
// ctx, when one of them fails.
func (a *arena) play(ctx context.Context, stop context.CancelCauseFunc, o options, out io.Writer) error {
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
	args := []string{"-connect", o.connect, "-bots", strconv.Itoa(o.bots), "-rooms", strconv.Itoa(o.rooms), "-hz", fmt.Sprint(o.hz)}
	if o.node != "" {
		args = append(args, "-node", o.node)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // after which it is killed
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
