package attack

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// standing is how a row stands.
type standing int

const (
	isWaiting standing = iota
	isRunning
	isHeld
	isBroken
)

func (s standing) String() string {
	return [...]string{"", "...", "held", "BROKEN"}[s]
}

// trial is a row being tried.
type trial struct {
	row
	program string
	env     []string
	quick   bool
	conns   int
	ledger  *ledger

	mu      sync.Mutex
	state   standing
	text    string
	breaks  []string
	servers []*server
}

// run tries the row, and then looks at what its servers are left with.
func (t *trial) run(ctx context.Context) {
	limit := 3*time.Minute + time.Duration(t.conns)*20*time.Millisecond // far more than any takes
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t.set(isRunning)
	err := t.try(ctx, t)
	for _, s := range t.servers {
		if err == nil && s.alive() {
			err = t.dismiss(ctx, s)
		}
		if s.alive() {
			s.kill()
		}
	}
	if context.Cause(ctx) == context.Canceled { // interrupted: nothing is known
		t.set(isWaiting)
		return
	}
	if err != nil {
		t.broke("%v", err)
	}
	if len(t.broken()) > 0 {
		t.set(isBroken)
	} else {
		t.set(isHeld)
	}
}

// start starts a server that is killed with the trial at the latest.
func (t *trial) start(ctx context.Context, env environment) (*server, error) {
	env.vars = t.env
	s, err := start(ctx, t.program, env)
	if s != nil {
		t.servers = append(t.servers, s)
	}
	return s, err
}

// dismiss ends a server in order, after it has given everything back.
func (t *trial) dismiss(ctx context.Context, s *server) error {
	after, err := s.quiet(ctx)
	if err != nil {
		return err
	}
	t.ledger.enter(t.name, s.before, after)
	return s.stop(ctx)
}

// of is how many of something there are to be.
func (t *trial) of(full, quick int) int {
	if t.quick {
		return quick
	}
	return full
}

// many is of, or what was asked for.
func (t *trial) many(full, quick int) int {
	if t.conns > 0 {
		return t.conns
	}
	return t.of(full, quick)
}

// within is a bound on a time. A quick trial is for tests, on machines that do
// other things too: it finds what takes for ever.
func (t *trial) within(d time.Duration) time.Duration {
	if t.quick {
		return 10 * d
	}
	return d
}

// figure is what the row shows, now.
func (t *trial) figure(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = fmt.Sprintf(format, args...)
}

// broke notes something that is not as promised.
func (t *trial) broke(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.breaks) < 10 {
		t.breaks = append(t.breaks, fmt.Sprintf(format, args...))
	}
}

// want notes that something is broken unless ok.
func (t *trial) want(ok bool, format string, args ...any) {
	if !ok {
		t.broke(format, args...)
	}
}

func (t *trial) broken() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.breaks
}

func (t *trial) set(s standing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}

func (t *trial) standing() standing {
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
