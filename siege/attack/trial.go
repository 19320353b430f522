package attack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/packetmq/packetmq/siege/target"
)

// standing is how a row stands.
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
	row
	program   string
	env       []string
	quick     bool
	conns     int
	leftovers *leftovers

	mu      sync.Mutex
	state   status
	text    string
	breaks  []string
	servers []*target.Server
}

// run tries the row, and then looks at what its servers are left with.
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

// start starts a server that is killed with the trial at the latest.
func (t *trial) start(ctx context.Context, opts target.Options) (*target.Server, error) {
	opts.Env = t.env
	s, err := target.Start(ctx, t.program, opts)
	if s != nil {
		t.servers = append(t.servers, s)
	}
	return s, err
}

// dismiss ends a server in order, after it has given everything back.
func (t *trial) stopServer(ctx context.Context, s *target.Server) error {
	after, err := s.WaitIdle(ctx)
	if err != nil {
		return err
	}
	t.leftovers.add(t.name, s.Before, after)
	return s.Stop(ctx)
}

// of is how many of something there are to be.
func (t *trial) pick(full, quick int) int {
	if t.quick {
		return quick
	}
	return full
}

// many is of, or what was asked for.
func (t *trial) pickConns(full, quick int) int {
	if t.conns > 0 {
		return t.conns
	}
	return t.pick(full, quick)
}

// within is a bound on a time. A quick trial is for tests, on machines that do
// other things too: it finds what takes for ever.
func (t *trial) bound(d time.Duration) time.Duration {
	if t.quick {
		return 10 * d
	}
	return d
}

// figure is what the row shows, now.
func (t *trial) show(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = fmt.Sprintf(format, args...)
}

// broke notes something that is not as promised.
func (t *trial) fail(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.breaks) < 10 {
		t.breaks = append(t.breaks, fmt.Sprintf(format, args...))
	}
}

// want notes that something is broken unless ok.
func (t *trial) check(ok bool, format string, args ...any) {
	if !ok {
		t.fail(format, args...)
	}
}

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
