package sim

import (
	"errors"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

var errReset = errors.New("sim: connection reset")

// wire is a conn's transport: faults on the input of the end of a memory pair.
type wire struct {
	w     *world
	conn  *peer.Conn
	inner engine.Transport
	sink  engine.Sink

	meddles bool          // once a fault was asked for; before, input is passed on as it comes
	in      []byte        // that waits
	held    time.Duration // nothing is delivered before
	piece   int           // so many bytes at once; 0: all
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

// deliver passes on what was held back, as far as it may go.
func (w *wire) deliver() (more bool) {
	if w.ended || w.sink.Loop().Time() < w.held {
		return false
	}
	if n := len(w.in); n > 0 {
		if w.piece > 0 {
			n = min(n, w.piece)
		}
		used := w.sink.Received(w.in[:n:n])
		if w.closed {
			return false
		}
		w.in = w.in[used:]
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

// meddle asks for a fault. It reports whether that ends the conn.
func (w *wire) meddle() (ends bool) {
	if w.closed || w.ended || w.sink == nil {
		return false
	}
	w.meddles = true
	loop := w.sink.Loop()
	switch k := w.w.rng.IntN(100); {
	case k < 45:
		d := pick(w.w, []time.Duration{time.Millisecond, 30 * time.Millisecond, time.Second, 15 * time.Second})
		w.held = loop.Time() + d
		loop.After(d, w.wake)
	case k < 85:
		w.piece = pick(w.w, []int{1, 2, 5, 7, 100, 0})
	case k < 92:
		w.in, w.over = w.in[:w.w.rng.IntN(len(w.in)+1)], io.EOF
		ends = true
	default:
		w.in, w.over = nil, errReset
		ends = true
	}
	w.wake()
	return ends
}

func (w *wire) wake() {
	if !w.closed {
		w.sink.Wake(nil)
	}
}

// heal takes back what only slows the wire down.
func (w *wire) heal() {
	if w.sink != nil {
		w.held, w.piece = 0, 0
		w.wake()
	}
}
