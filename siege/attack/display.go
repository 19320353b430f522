package attack

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// board draws lines: all of them in place, again and again, on a terminal, else
// each once it is final, and a word now and then about those that are not.
type display struct {
	w        io.Writer
	terminal bool
	lines    []*trial

	mu    sync.Mutex
	drawn bool
}

const (
	redrawEvery = 200 * time.Millisecond
	wordEvery   = 5 * time.Second
)

func newDisplay(w io.Writer) *display {
	b := &display{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
	}
	return b
}

// start draws until stop is called.
func (b *display) start() (stop func()) {
	every := wordEvery
	if b.terminal {
		every = redrawEvery
	}
	tick := time.NewTicker(every)
	done, ended := make(chan struct{}), make(chan struct{})
	b.draw()
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				b.draw()
			case <-done:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-ended
		if b.terminal {
			b.draw()
		}
	}
}

// over says that a line is final.
func (b *display) finished(t *trial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal {
		fmt.Fprintln(b.w, t)
	}
}

func (b *display) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		b.redraw()
		return
	}
	var running []string
	for _, t := range b.lines {
		if t.status() == statusRunning {
			running = append(running, t.name)
		}
	}
	if len(running) > 0 {
		fmt.Fprintf(b.w, "...     %s\n", strings.Join(running, ", "))
	}
}

// redraw writes every line over its last one. Lines are not wrapped: they would
// take more room than they are given back.
func (b *display) redraw() {
	var out strings.Builder
	out.WriteString("\x1b[?7l")
	if b.drawn {
		fmt.Fprintf(&out, "\x1b[%dA", len(b.lines))
	}
	for _, t := range b.lines {
		fmt.Fprintf(&out, "\x1b[K%s\n", t)
	}
	out.WriteString("\x1b[?7h")
	io.WriteString(b.w, out.String())
	b.drawn = true
}
