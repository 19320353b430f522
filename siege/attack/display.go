package attack

// The table of rows on the terminal, while they are tried.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// display shows a line for each row. On a terminal it draws all lines again and
// again in the same place. Elsewhere it writes each line when it is final, and now
// and then the names of the rows that are being tried.
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
	d := &display{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		d.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
	}
	return d
}

// start draws until stop is called.
func (d *display) start() (stop func()) {
	every := wordEvery
	if d.terminal {
		every = redrawEvery
	}
	tick := time.NewTicker(every)
	done, ended := make(chan struct{}), make(chan struct{})
	d.draw()
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				d.draw()
			case <-done:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-ended
		if d.terminal {
			d.draw()
		}
	}
}

// finished is called when the line of a row is final.
func (d *display) finished(t *trial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.terminal {
		fmt.Fprintln(d.w, t)
	}
}

// draw shows how the rows stand.
func (d *display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		d.redraw()
		return
	}
	var running []string
	for _, t := range d.lines {
		if t.status() == statusRunning {
			running = append(running, t.name)
		}
	}
	if len(running) > 0 {
		fmt.Fprintf(d.w, "...     %s\n", strings.Join(running, ", "))
	}
}

// redraw writes every line over the old one. It turns line wrapping off: a wrapped
// line would take two lines of the terminal, and only one would be overwritten.
func (d *display) redraw() {
	var out strings.Builder
	out.WriteString("\x1b[?7l")
	if d.drawn {
		fmt.Fprintf(&out, "\x1b[%dA", len(d.lines))
	}
	for _, t := range d.lines {
		fmt.Fprintf(&out, "\x1b[K%s\n", t)
	}
	out.WriteString("\x1b[?7h")
	io.WriteString(d.w, out.String())
	d.drawn = true
}
