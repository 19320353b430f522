// Package logline hands lines to a program's logger, which may block, panic or end
// its goroutine, from places that may not do any of that.
package logline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/packetmq/packetmq/internal/ringbuf"
)

// MaxWaiting is how many lines wait for a logger that is slow. More are dropped,
// and counted.
const MaxWaiting = 256

// Queue is what lines wait in. They are logged in order on a goroutine that is
// there while some wait. The zero value is ready. Any goroutine may use it.
type Queue struct {
	// Inline has Put log the line itself, and wait for that: for reactors without
	// goroutines. It is set before the first Put.
	Inline bool

	mu      sync.Mutex
	waiting ringbuf.Ring[line]
	dropped int           // since the last line that was logged
	idle    chan struct{} // while the goroutine is there; closed when it ends
}

// line is one that waits.
type line struct {
	to     slog.Handler
	record slog.Record
}

// Put has l log a line. It never waits, unless the Queue is Inline: when MaxWaiting
// lines wait already, the line is dropped, and the next one that is logged says how
// many were. The arguments are put into words at once, so that what changes
// afterwards does not show.
func (q *Queue) Put(l *slog.Logger, level slog.Level, msg string, args ...any) {
	if l == nil || l.Handler() == slog.DiscardHandler {
		return
	}
	r := slog.NewRecord(time.Now(), level, msg, 0)
	for i := 1; i < len(args); i += 2 {
		args[i] = inWords(args[i])
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

// inWords is v as it is logged. What is not a number, a time or text already is
// turned into text: a handler for JSON would show an address as an object, and
// look at a program's values while the program changes them.
func inWords(v any) any {
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

// maxText is how long a text of a line may be, in bytes: stacks fit. MaxWaiting
// lines of such texts are what a Queue holds at most.
const maxText = 16 << 10

// cut is s, or its beginning if it is long.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + "…"
}

// said is an error with what it said when it was logged.
type said struct {
	error
	text string
}

func (e said) Error() string { return e.text }
func (e said) Unwrap() error { return e.error }

// run logs what waits. A logger that ends this goroutine is given another one.
func (q *Queue) run() {
	returned := false
	defer func() {
		if !returned {
			go q.run()
		}
	}()
	for {
		n, ok := q.next()
		if !ok {
			break
		}
		n.log()
	}
	returned = true
}

// next takes the oldest line; it is not ok when there is none, and the goroutine
// is counted out.
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

// log logs the line. A panic in the logger is the line's end, and nothing else's:
// there is nowhere to log it to.
func (n line) log() {
	defer func() { recover() }()
	ctx := context.Background()
	if n.to.Enabled(ctx, n.record.Level) {
		n.to.Handle(ctx, n.record)
	}
}

// Flush waits until all lines are logged, at most for d.
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
