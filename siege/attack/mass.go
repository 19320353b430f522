package attack

import (
	"context"
	"syscall"
	"time"
)

// massWithin is how long a polite conn may wait at most while tens of thousands
// of others end.
const massWithin = 100 * time.Millisecond

// massTime is by when they have ended.
const massTime = 5 * time.Second

// tryMass ends all memory conns of a server at once, more than descriptors
// allow sockets, and measures how long others wait.
func tryMass(ctx context.Context, t *trial) error {
	members := t.of(65_536, 2000)
	s, err := t.start(ctx, environment{members: members})
	if err != nil {
		return err
	}
	t.want(s.before.conns == int64(members), "the server has %d conns, want %d", s.before.conns, members)
	polite, err := gather(ctx, s, 20, 4*time.Millisecond)
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	alone := polite.slowest()
	before, err := readCPU(s.pid())
	if err != nil {
		return err
	}
	if err := s.signal(syscall.SIGUSR2); err != nil {
		return err
	}
	if err := sleep(ctx, massTime); err != nil { // without a question: its answer takes a collection of all garbage
		return err
	}
	beside := polite.slowest()
	after, err := readCPU(s.pid())
	if err != nil {
		return err
	}
	left, err := s.ask(ctx)
	if err != nil {
		return err
	}
	t.want(alone > 0 && beside > 0, "the others were not served")
	t.want(left.conns <= int64(len(polite.conns)), "%d conns have not ended after %v", left.conns-int64(len(polite.conns)), massTime)
	_, _, err = polite.home()
	busy := after.others(before)
	t.want(err == nil, "a polite conn: %v", err)
	limit := time.Duration(float64(t.within(massWithin)) / max(1-busy, 0.1))
	t.want(beside < limit, "a polite conn waited %v while %d conns ended, alone %v; want less than %v; others used %.0f %% of the CPU", beside, members, alone, limit, 100*busy)
	t.figure("%s conns ended at once; the slowest of %d others %s alone, %s meanwhile (CPU used by others %.0f %%)",
		count(members), len(polite.conns), span(alone), span(beside), 100*busy)
	return nil
}
