package sim

import (
	"errors"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
)

var errReset = errors.New("sim: connection reset")

// wire is a conn's transport: faults on the input of one end of a memory pair.
type wire struct {
	w     *world
	inner engine.Transport
	sink  engine.Sink

	meddles bool          // once a fault was asked for; before, input is passed on as it comes
	in      []byte        // that waits
	until   time.Duration // nothing is delivered before
	piece   int           // so many bytes at once; 0: all
	cut     int           // bytes until the conn is cut; negative: it is not
	over    error         // the end, which comes after in

	closed, ended bool
}

func (w *wire) Open(s engine.Sink)           { w.sink = s; w.inner.Open(w) }
func (w *wire) Write(b *engine.Buffer) error { return w.inner.Write(b) }
func (w *wire) Buffered() int                { return w.inner.Buffered() }
func (w *wire) CloseWrite() error            { return w.inner.CloseWrite() }
func (w *wire) Close()                       { w.closed = true; w.inner.Close() }
func (w *wire) Wake(on *engine.Loop)         { w.sink.Wake(on) }
func (w *wire) Loop() *engine.Loop           { return w.sink.Loop() }

func (w *wire) Pump() bool {
	if w.ended || w.closed {
		return false
	}
	more := w.inner.Pump()
	if w.closed || !w.meddles {
		return more && !w.closed
	}
	return w.deliver() || more && !w.closed
}

// deliver passes on what waits, as far as it may go.
func (w *wire) deliver() (more bool) {
	if w.ended || w.sink.Loop().Time() < w.until {
		return false
	}
	if n := len(w.in); n > 0 {
		if w.piece > 0 {
			n = min(n, w.piece)
		}
		if w.cut >= 0 {
			n = min(n, w.cut)
		}
		used := 0
		if n > 0 {
			used = w.sink.Received(w.in[:n:n])
		}
		if w.closed {
			return false
		}
		w.in = w.in[used:]
		if w.cut >= 0 {
			if w.cut -= used; w.cut == 0 {
				w.in, w.cut, w.over = nil, -1, errReset
			}
		}
		return true
	}
	if w.over != nil {
		w.ended = true
		w.sink.Ended(w.over)
	}
	return false
}

func (w *wire) Received(b []byte) int {
	if !w.meddles {
		return w.sink.Received(b)
	}
	if w.over == nil {
		w.in = append(w.in, b...)
	}
	return len(b)
}

func (w *wire) Ended(err error) {
	if !w.meddles {
		w.ended = true
		w.sink.Ended(err)
		return
	}
	if w.over == nil {
		w.over = err
	}
}

// meddle has something go wrong.
func (w *wire) meddle() {
	if w.closed || w.ended || w.sink == nil {
		return
	}
	w.meddles = true
	loop := w.sink.Loop()
	switch k := w.w.rng.IntN(100); {
	case k < 35:
		d := pick(w.w, []time.Duration{time.Millisecond, 30 * time.Millisecond, time.Second, 15 * time.Second})
		w.until = loop.Time() + d
		loop.After(d, w.wake)
	case k < 60:
		w.piece = pick(w.w, []int{1, 2, 5, 7, 30, 0})
	case k < 85:
		w.cut = w.w.rng.IntN(120)
	case k < 92:
		w.in, w.over = w.in[:w.w.rng.IntN(len(w.in)+1)], io.EOF
	default:
		w.in, w.over = nil, errReset
	}
	w.wake()
}

func (w *wire) wake() {
	if !w.closed {
		w.sink.Wake(nil)
	}
}

// heal takes back what may still go wrong.
func (w *wire) heal() {
	if w.sink != nil {
		w.until, w.piece, w.cut = 0, 0, -1
		w.wake()
	}
}
