package middleware

// Log: a line for each packet, for development.

import (
	"context"
	"log/slog"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// Log has l log each packet once it is handled: its name and size in bytes, the conn, how
// long it took, and the error if there was one. Nil is slog.Default.
//
// It is for development, and for packets that are rare. A line costs a microsecond or two of
// the loop's time and allocates. The loop never waits for l: lines are logged on another
// goroutine, and when 256 of them wait, more are dropped and counted, as with
// engine.Reactor.Log. If l has the level disabled, a packet costs one call of
// slog.Logger.Enabled. A packet whose handler panics has no line; the peer logs the panic.
func Log(l *slog.Logger, level slog.Level) peer.Middleware {
	if l == nil {
		l = slog.Default()
	}
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) error {
			if !l.Enabled(context.Background(), level) {
				return next(in)
			}
			began := time.Now()
			err := next(in)
			logHandled(l, level, in, time.Since(began), err)
			return err
		}
	}
}

func logHandled(l *slog.Logger, level slog.Level, in *peer.Incoming, took time.Duration, err error) {
	c := in.Conn()
	args := []any{"packet", in.Packet().Name(), "bytes", in.Size(), "conn", c.ID(), "remote", c.RemoteAddr(), "took", took}
	if err != nil {
		args = append(args, "err", err)
	}
	c.Loop().Reactor().Log(l, level, "packet", args...)
}
