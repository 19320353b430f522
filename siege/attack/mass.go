package attack

import (
	"context"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// massWithin is how long a polite conn may wait at most while tens of thousands
// of others end.
const massWithin = 100 * time.Millisecond

// massTime is by when they have ended.
const massTime = 5 * time.Second

// tryMass ends all memory conns of a server at once, more than descriptors
// allow sockets, and measures how long others wait.
func tryMass(ctx context.Context, t *trial) error {
	members := t.pick(65_536, 2000)
	s, err := t.start(ctx, target.Options{Members: members})
	if err != nil {
		return err
	}
	t.check(s.Before.Conns == int64(members), "the server has %d conns, want %d", s.Before.Conns, members)
	polite, err := client.StartProbes(ctx, &s.Endpoint, 20, 4*time.Millisecond)
	if err != nil {
		return err
	}
	if err := client.Sleep(ctx, time.Second); err != nil {
		return err
	}
	alone := polite.Slowest()
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
	beside := polite.Slowest()
	after, err := target.ReadCPU(s.PID())
	if err != nil {
		return err
	}
	left, err := s.Ask(ctx)
	if err != nil {
		return err
	}
	t.check(alone > 0 && beside > 0, "the others were not served")
	t.check(left.Conns <= int64(polite.Len()), "%d conns have not ended after %v", left.Conns-int64(polite.Len()), massTime)
	_, _, err = polite.Stop()
	busy := after.Others(before)
	t.check(err == nil, "a polite conn: %v", err)
	limit := time.Duration(float64(t.bound(massWithin)) / max(1-busy, 0.1))
	t.check(beside < limit, "a polite conn waited %v while %d conns ended, alone %v; want less than %v; others used %.0f %% of the CPU", beside, members, alone, limit, 100*busy)
	t.show("%s conns ended at once; the slowest of %d others %s alone, %s meanwhile (CPU used by others %.0f %%)",
		count(members), polite.Len(), span(alone), span(beside), 100*busy)
	return nil
}
