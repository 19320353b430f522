package engine

// The lines that the reactor logs, without waiting for the logger.

import (
	"log/slog"
	"time"
)

// Log has l log a line, for protocols on this reactor. It does not wait for l, which
// may block, panic or call runtime.Goexit: the line is logged on a goroutine of its
// own, in order with the others. When 256 lines wait, more are dropped, and the next
// one says how many. Close waits a second for what is left. The arguments are put
// into words before Log returns.
//
// On a virtual reactor, which has no goroutines, l is called at once.
func (r *Reactor) Log(l *slog.Logger, level slog.Level, msg string, args ...any) {
	r.lines.Put(l, level, msg, args...)
}

// log says something of the reactor's own, at a bounded rate for each msg, whatever
// is done to provoke it.
func (r *Reactor) log(level slog.Level, msg string, args ...any) {
	if ok, skipped := r.share.Allow(msg); ok {
		r.Log(r.cfg.Logger, level, msg, append(args, "skipped", skipped)...)
	}
}

// flushTime is how long Close waits for a logger: for a file or a pipe that is slow,
// and not for one that nobody reads.
const flushTime = time.Second
