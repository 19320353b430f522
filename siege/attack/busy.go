package attack

// Row busy: a server whose own work never ends answers its clients all the same.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// timersWithin is how late a timer may be at most if no other process uses the
// machine.
const timersWithin = 20 * time.Millisecond

// tryBusy measures latency on a server whose loop has work of its own: a posted
// function that posts itself, 100,000 timers a second, and a memory
// client that sends as fast as it can.
func tryBusy(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Busy: true})
	if err != nil {
		return err
	}
	defer s.Kill() // it has never given everything back
	probes, err := client.StartProbes(ctx, &s.Endpoint, t.pick(100, 20), 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := t.roundLength()
	if err := client.Sleep(ctx, 2*length); err != nil { // all timers have come
		return err
	}
	var lates []time.Duration
	b := comparison{server: s, want: t.pick(5, 1)}
	for !b.done() {
		if _, err := s.Ask(ctx); err != nil { // collects garbage, and forgets what was late by that
			return err
		}
		if err := b.measure(ctx, func(ctx context.Context) (time.Duration, error) { return probes.Round(ctx, length) }); err != nil {
			return err
		}
		h, err := s.Ask(ctx)
		if err != nil {
			return err
		}
		lates = append(lates, time.Duration(h.Late))
		t.show("p99 of %d others %s beside a re-posting function, 100,000 timers/s (late %s at most) and a memory flood (CPU used by others %.0f %%)",
			probes.Len(), figures.Latency(b.alone()), figures.Latency(median(lates)), 100*b.othersCPU())
	}
	_, _, err = probes.Stop()
	t.check(err == nil, "a polite conn: %v", err)
	limit, most := b.scale(t.bound(floodP99)), b.scale(t.bound(timersWithin))
	t.check(b.alone() < limit, "p99 is %v; want less than %v; others used %.0f %% of the CPU", b.alone(), limit, 100*b.othersCPU())
	late := median(lates)
	t.check(late > 0 && late < most, "a timer was %v late (rounds: %v), want less than %v; others used %.0f %% of the CPU", late, lates, most, 100*b.othersCPU())
	return nil
}
