// Package logline logs from places that must not wait: a program's logger may
// block, panic or end its goroutine. Lines wait in a bounded queue and are logged
// on a goroutine of their own.
package logline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/internal/ringbuf"
)

// MaxWaiting is how many lines wait for a slow logger. More are dropped and
// counted. Larger, and more of a burst is logged; smaller, and it takes less memory.
const MaxWaiting = 256

// Queue has the lines that wait. They are logged in order, on a goroutine that
// exists while there are any. The zero value is ready. Any goroutine may use it.
type Queue struct {
	// Inline makes Put log the line itself and wait for that: for reactors without
	// goroutines. It is set before the first Put.
	Inline bool

	mu      sync.Mutex // guards the rest
	waiting ringbuf.Ring[line]
	dropped int           // lines, since the last one that was logged
	idle    chan struct{} // nil without the goroutine, which closes it at its end
}

// line is a record and the handler that it goes to.
type line struct {
	to     slog.Handler
	record slog.Record
}

// Put has l log a line, and does not wait for it unless the Queue is Inline. When
// MaxWaiting lines wait already, the line is dropped, and the next one that is
// logged says how many were. The arguments become text at once, so the line shows
// them as they are now.
func (q *Queue) Put(l *slog.Logger, level slog.Level, msg string, args ...any) {
	if l == nil || l.Handler() == slog.DiscardHandler {
		return
	}
	r := slog.NewRecord(time.Now(), level, msg, 0)
	for i := 1; i < len(args); i += 2 {
		args[i] = asText(args[i])
	}
	r.Add(args...)
	if q.Inline {
		line{l.Handler(), r}.log()
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Len() >= MaxWaiting {
		q.dropped++
		return
	}
	q.waiting.Push(line{l.Handler(), r})
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.run()
	}
}

// asText is v as it is logged: numbers and times as they are, all else as text. A
// handler for JSON would show an address as an object, and would read a program's
// values while the program changes them.
func asText(v any) any {
	switch v := v.(type) {
	case string:
		return cut(v)
	case bool, int, int64, uint64, uint16, time.Duration, time.Time, slog.Attr:
		return v
	case error:
		return said{v, cut(fmt.Sprint(v))}
	}
	return cut(fmt.Sprint(v))
}

// maxText is how long one text of a line may be, in bytes: enough for a stack. It
// bounds, with MaxWaiting, what a Queue takes.
const maxText = 16 << 10

// cut is s, or its beginning if it is long.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + "…"
}

// said is an error with the text that it had when it was logged.
type said struct {
	error
	text string
}

func (e said) Error() string { return e.text }
func (e said) Unwrap() error { return e.error }

// run logs what waits. If the logger ends this goroutine, another one goes on.
func (q *Queue) run() {
	guard.Then(q.logAll, func(returned bool) {
		if !returned {
			go q.run()
		}
	})
}

// logAll logs until the queue is empty.
func (q *Queue) logAll() {
	for {
		n, ok := q.next()
		if !ok {
			return
		}
		n.log()
	}
}

// next takes the oldest line. ok is false when the queue is empty; the caller must
// then end, because Put will start another goroutine.
func (q *Queue) next() (n line, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n, ok = q.waiting.Pop(); !ok {
		close(q.idle)
		q.idle = nil
		return n, false
	}
	if q.dropped > 0 {
		n.record.AddAttrs(slog.Int("dropped", q.dropped))
		q.dropped = 0
	}
	return n, true
}

// log logs the line. A panic in the logger loses the line and nothing else: there
// is nowhere to log it to.
func (n line) log() {
	defer func() { recover() }()
	ctx := context.Background()
	if n.to.Enabled(ctx, n.record.Level) {
		n.to.Handle(ctx, n.record)
	}
}

// Flush waits until all lines are logged, but no longer than d.
func (q *Queue) Flush(d time.Duration) {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle == nil {
		return
	}
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-idle:
	case <-late.C:
	}
}
