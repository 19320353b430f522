package attack

// Row mass: tens of thousands of conns that end at once.

import (
	"context"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// massWithin is how long a probe may wait at most while tens of thousands of conns
// end.
const massWithin = 100 * time.Millisecond

// massTime is how long all of them may take to end.
const massTime = 5 * time.Second

// tryMass ends all memory conns of a server at once, and measures how long probes
// wait. They are memory conns because descriptors do not allow as many sockets.
func tryMass(ctx context.Context, t *trial) error {
	members := t.pick(65_536, 2000)
	s, err := t.start(ctx, target.Options{Members: members})
	if err != nil {
		return err
	}
	t.check(s.Before.Conns == int64(members), "the server has %d conns, want %d", s.Before.Conns, members)
	probes, err := client.StartProbes(ctx, &s.Endpoint, 20, 4*time.Millisecond)
	if err != nil {
		return err
	}
	if err := client.Sleep(ctx, time.Second); err != nil {
		return err
	}
	alone := probes.Slowest()
	before, err := target.ReadCPU(s.PID())
	if err != nil {
		return err
	}
	if err := s.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	if err := client.Sleep(ctx, massTime); err != nil { // without a question: its answer takes a collection of all garbage
		return err
	}
	beside := probes.Slowest()
	after, err := target.ReadCPU(s.PID())
	if err != nil {
		return err
	}
	left, err := s.Ask(ctx)
	if err != nil {
		return err
	}
	t.check(alone > 0 && beside > 0, "the others were not served")
	t.check(left.Conns <= int64(probes.Len()), "%d conns have not ended after %v", left.Conns-int64(probes.Len()), massTime)
	_, _, err = probes.Stop()
	busy := after.Others(before)
	t.check(err == nil, "a polite conn: %v", err)
	limit := time.Duration(float64(t.bound(massWithin)) / max(1-busy, 0.1))
	t.check(beside < limit, "a polite conn waited %v while %d conns ended, alone %v; want less than %v; others used %.0f %% of the CPU", beside, members, alone, limit, 100*busy)
	t.show("%s conns ended at once; the slowest of %d others %s alone, %s meanwhile (CPU used by others %.0f %%)",
		figures.Count(members), probes.Len(), figures.Latency(alone), figures.Latency(beside), 100*busy)
	return nil
}
