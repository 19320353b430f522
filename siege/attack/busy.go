package attack

import (
	"context"
	"time"
)

// timersWithin is how late a timer may be at most, on a machine of which others
// use nothing.
const timersWithin = 20 * time.Millisecond

// tryBusy measures a crowd's latency on a server whose loop has work of its own:
// a posted function that posts itself, 100,000 timers a second, and a memory
// client that sends as fast as it can.
func tryBusy(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{busy: true})
	if err != nil {
		return err
	}
	defer s.kill() // it has never given everything back
	polite, err := gather(ctx, s, t.of(100, 20), 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := time.Second
	if t.quick {
		length /= 5
	}
	if err := sleep(ctx, 2*length); err != nil { // all timers have come
		return err
	}
	var lates []time.Duration
	b := bouts{server: s, want: t.of(5, 1)}
	for !b.done() {
		if _, err := s.ask(ctx); err != nil { // collects garbage, and forgets what was late by that
			return err
		}
		if err := b.fight(ctx, func(ctx context.Context) (time.Duration, error) { return polite.round(ctx, length) }); err != nil {
			return err
		}
		h, err := s.ask(ctx)
		if err != nil {
			return err
		}
		lates = append(lates, time.Duration(h.late))
		t.figure("p99 of %d others %s beside a re-posting function, 100,000 timers/s (late %s at most) and a memory flood (CPU used by others %.0f %%)",
			len(polite.conns), span(b.alone()), span(median(lates)), 100*b.busy())
	}
	_, _, err = polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	limit, most := b.stretch(t.within(floodP99)), b.stretch(t.within(timersWithin))
	t.want(b.alone() < limit, "p99 is %v; want less than %v; others used %.0f %% of the CPU", b.alone(), limit, 100*b.busy())
	late := median(lates)
	t.want(late > 0 && late < most, "a timer was %v late (rounds: %v), want less than %v; others used %.0f %% of the CPU", late, lates, most, 100*b.busy())
	return nil
}
