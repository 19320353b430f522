package attack

// One row while it is tried: its servers, its figure, and what was not as promised.

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/packetmq/packetmq/siege/target"
)

// status is how far a row is.
type status int

const (
	statusWaiting status = iota
	statusRunning
	statusHeld
	statusBroken
)

func (s status) String() string {
	return [...]string{"", "...", "held", "BROKEN"}[s]
}

// trial is a row being tried.
type trial struct {
	// set once
	row
	program   string   // that is attacked
	env       []string // added to the server's
	quick     bool
	conns     int // how many the caller of Run asked for; 0: no matter
	leftovers *leftovers

	servers []*target.Server // run only

	// guarded by mu
	mu     sync.Mutex
	state  status
	text   string   // the figure
	breaks []string // what is not as promised; the first ten
}

// run tries the row, and then looks at what its servers have in use.
func (t *trial) run(ctx context.Context) {
	limit := 3*time.Minute + time.Duration(t.conns)*20*time.Millisecond // far more than any takes
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t.setStatus(statusRunning)
	err := t.try(ctx, t)
	for _, s := range t.servers {
		if err == nil && s.Alive() {
			err = t.stopServer(ctx, s)
		}
		if s.Alive() {
			s.Kill()
		}
	}
	if context.Cause(ctx) == context.Canceled { // interrupted: nothing is known
		t.setStatus(statusWaiting)
		return
	}
	if err != nil {
		t.fail("%v", err)
	}
	if len(t.broken()) > 0 {
		t.setStatus(statusBroken)
	} else {
		t.setStatus(statusHeld)
	}
}

// start starts a server, which is killed when the trial ends if not before.
func (t *trial) start(ctx context.Context, opts target.Options) (*target.Server, error) {
	opts.Env = t.env
	s, err := target.Start(ctx, t.program, opts)
	if s != nil {
		t.servers = append(t.servers, s)
	}
	return s, err
}

// stopServer ends a server in order, after it has no conn any more.
func (t *trial) stopServer(ctx context.Context, s *target.Server) error {
	after, err := s.WaitIdle(ctx)
	if err != nil {
		return err
	}
	t.leftovers.add(t.name, s.Before, after)
	return s.Stop(ctx)
}

// pick returns the first number, or the second in a quick trial.
func (t *trial) pick(full, quick int) int {
	if t.quick {
		return quick
	}
	return full
}

// pickConns is pick, unless the caller of Run asked for a number.
func (t *trial) pickConns(full, quick int) int {
	if t.conns > 0 {
		return t.conns
	}
	return t.pick(full, quick)
}

// bound returns the bound on a time: d, or ten times as much in a quick trial. Quick
// trials are for tests, on machines that do other things too, and are to find what
// takes for ever.
func (t *trial) bound(d time.Duration) time.Duration {
	if t.quick {
		return 10 * d
	}
	return d
}

// roundLength returns how long latency is measured in a round.
func (t *trial) roundLength() time.Duration {
	if t.quick {
		return time.Second / 5
	}
	return time.Second
}

// show sets the figure that the row shows.
func (t *trial) show(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = fmt.Sprintf(format, args...)
}

// fail takes down something that is not as promised.
func (t *trial) fail(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.breaks) < 10 {
		t.breaks = append(t.breaks, fmt.Sprintf(format, args...))
	}
}

// check takes it down unless ok.
func (t *trial) check(ok bool, format string, args ...any) {
	if !ok {
		t.fail(format, args...)
	}
}

// broken returns what is not as promised.
func (t *trial) broken() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.breaks
}

func (t *trial) setStatus(s status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}

func (t *trial) status() status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// String is the row's line.
func (t *trial) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%-6s  %-45s  %s", t.state, t.promise, t.text)
}
