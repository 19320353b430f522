package peer

// The lines that a peer writes to Config.Logger, at a bounded rate for each kind.

import (
	"errors"
	"log/slog"

	"github.com/packetmq/packetmq/engine"
)

// logLine logs a line off the loop, at a bounded rate for each msg. Lines that a stranger can
// provoke and lines about the program's own faults must differ in msg: then the first cannot
// use up the rate of the second.
func (p *Peer) logLine(level slog.Level, msg string, args ...any) {
	if ok, skipped := p.logRates.Allow(msg); ok {
		p.reactor.Log(p.cfg.Logger, level, msg, append(args, "skipped", skipped)...)
	}
}

// Log writes a line to Config.Logger, for packages that handle packets of this peer. It does
// not wait for the logger, and at most ten lines a second are written for each msg; the next
// one says how many were skipped. Any goroutine may call it.
func (p *Peer) Log(level slog.Level, msg string, args ...any) {
	if p.check() == nil {
		p.logLine(level, msg, args...)
	}
}

// logFault logs why this side ends a conn.
func (p *Peer) logFault(c *Conn, reason Reason, err error) {
	msg := "conn ended"
	var panicked *engine.PanicError
	switch {
	case errors.As(err, &panicked): // logPanic has logged it
		return
	case reason == ReasonHandler:
		msg = "handler failed"
	case reason == ReasonDenied:
		msg = "conn denied"
	case !c.flags.has(made):
		msg = "handshake failed"
	}
	p.logLine(slog.LevelWarn, msg, "conn", c.id, "remote", c.RemoteAddr(), "reason", string(reason), "err", err)
}

// logPanic logs a panic in the program's code.
func (p *Peer) logPanic(c *Conn, err *engine.PanicError) {
	p.logLine(slog.LevelError, "handler panicked", "conn", c.id, "remote", c.RemoteAddr(), "panic", err.Value, "stack", string(err.Stack))
}
