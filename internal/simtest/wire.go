package simtest

// Wire: a transport with faults.

import (
	"errors"
	"io"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// ErrReset is how a conn ends that a Wire has cut.
var ErrReset = errors.New("simtest: connection reset")

// Wire is a conn's transport: faults on the input of one end of a memory pair.
type Wire struct {
	Conn *peer.Conn // set once

	w     *World
	inner engine.Transport
	sink  engine.Sink

	meddles bool          // once a fault was asked for; before, input is passed on as it comes
	in      []byte        // that waits
	until   time.Duration // nothing is delivered before
	piece   int           // so many bytes at once; 0: all
	cut     int           // bytes until the conn is cut; negative: it is not
	over    error         // the end, which comes after in

	closed, ended, paused bool
}

var _ engine.Pauser = (*Wire)(nil)

// Open implements engine.Transport, as the following methods do.
func (w *Wire) Open(s engine.Sink) { w.sink = s; w.inner.Open(w) }

// Write passes b on.
func (w *Wire) Write(b *engine.Buffer) error { return w.inner.Write(b) }

// Buffered is that of the inner transport.
func (w *Wire) Buffered() int { return w.inner.Buffered() }

// CloseWrite is passed on.
func (w *Wire) CloseWrite() error { return w.inner.CloseWrite() }

// Close closes the inner transport.
func (w *Wire) Close() { w.closed = true; w.inner.Close() }

// PauseRead is passed on.
func (w *Wire) PauseRead() {
	w.paused = true
	if p, ok := w.inner.(engine.Pauser); ok {
		p.PauseRead()
	}
}

// ResumeRead is passed on.
func (w *Wire) ResumeRead() {
	w.paused = false
	if p, ok := w.inner.(engine.Pauser); ok {
		p.ResumeRead()
	}
}

// Pump delivers what may come now.
func (w *Wire) Pump() bool {
	if w.ended || w.closed {
		return false
	}
	more := w.inner.Pump()
	if w.closed || !w.meddles {
		return more && !w.closed
	}
	return w.deliver() || more && !w.closed
}

// Wake implements engine.Sink, as the following methods do.
func (w *Wire) Wake(on *engine.Loop) { w.sink.Wake(on) }

// Loop is that of the conn.
func (w *Wire) Loop() *engine.Loop { return w.sink.Loop() }

// Received takes input of the inner transport.
func (w *Wire) Received(b []byte) int {
	if !w.meddles {
		return w.sink.Received(b)
	}
	if w.over == nil {
		w.in = append(w.in, b...)
	}
	return len(b)
}

// Ended takes the end of the inner transport.
func (w *Wire) Ended(err error) {
	if !w.meddles {
		w.ended = true
		w.sink.Ended(err)
		return
	}
	if w.over == nil {
		w.over = err
	}
}

// deliver passes on what waits, as far as it may go.
func (w *Wire) deliver() (more bool) {
	if w.ended || w.paused || w.sink.Loop().Time() < w.until {
		return false
	}
	if len(w.in) == 0 {
		if w.over != nil {
			w.ended = true
			w.sink.Ended(w.over)
		}
		return false
	}
	n := len(w.in)
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
			w.in, w.cut, w.over = nil, -1, ErrReset
		}
	}
	return true
}

// meddle has something go wrong.
func (w *Wire) meddle() {
	if w.closed || w.ended || w.sink == nil {
		return
	}
	w.meddles = true
	loop := w.sink.Loop()
	switch k := w.w.IntN(100); {
	case k < 35:
		d := Pick(w.w, []time.Duration{time.Millisecond, 30 * time.Millisecond, time.Second, 15 * time.Second})
		w.until = loop.Time() + d
		loop.After(d, w.wake)
	case k < 65:
		w.piece = Pick(w.w, []int{1, 2, 5, 7, 30, 100, 0})
	case k < 85:
		w.cut = w.w.IntN(120)
	case k < 92:
		w.in, w.over = w.in[:w.w.IntN(len(w.in)+1)], io.EOF
	default:
		w.in, w.over = nil, ErrReset
	}
	w.wake()
}

func (w *Wire) wake() {
	if !w.closed {
		w.sink.Wake(nil)
	}
}

// heal takes back what slows the transport down, and a cut that has not come.
func (w *Wire) heal() {
	if w.sink != nil {
		w.until, w.piece, w.cut = 0, 0, -1
		w.wake()
	}
}
