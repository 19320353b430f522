package peer

import (
	"sync"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// linesPerSecond bounds what a peer logs, whatever the other sides do.
const linesPerSecond = 10

// throttle lets so many log lines through a second, and counts the others.
type throttle struct {
	mu      sync.Mutex
	begun   time.Time
	lines   int
	skipped int
}

// allow reports whether a line may be logged, and how many were not since the
// last.
func (t *throttle) allow() (ok bool, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.begun) >= time.Second {
		t.begun, t.lines = now, 0
	}
	if t.lines++; t.lines > linesPerSecond {
		t.skipped++
		return false, 0
	}
	skipped, t.skipped = t.skipped, 0
	return true, skipped
}

func (p *Peer) logFault(c *Conn, reason Reason, err error) {
	if ok, skipped := p.throttle.allow(); ok {
		p.cfg.Logger.Warn("conn refused", "conn", c.id, "remote", c.RemoteAddr(),
			"reason", string(reason), "err", err, "skipped", skipped)
	}
}

func (p *Peer) logPanic(c *Conn, err *engine.PanicError) {
	if ok, skipped := p.throttle.allow(); ok {
		p.cfg.Logger.Error("handler panicked", "conn", c.id, "panic", err.Value,
			"stack", string(err.Stack), "skipped", skipped)
	}
}
