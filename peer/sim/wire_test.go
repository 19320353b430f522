package sim

import (
	"errors"
	"io"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var errReset = errors.New("sim: connection reset")

// wire is a conn's transport: faults around the end of a memory pair, and a
// check of what each side of a transport may expect of the other.
type wire struct {
	w     *world
	e     *end
	inner engine.Transport
	sink  engine.Sink
	pool  *engine.Pool

	// Input, once a fault was asked for; before, it is passed on as it comes.
	meddles bool
	in      []byte
	held    time.Duration // nothing is delivered before
	piece   int           // so many bytes at once; 0: all
	cut     int           // bytes to come before the end; -1: no end is planned
	over    error         // the end, which comes after in

	out     []*engine.Buffer // output that stalls
	outN    int
	stalled time.Duration // until when
	broken  bool          // reset

	finned, closed, ended bool
	written               int // bytes that the conn handed over
	frames                int
}

func (w *wire) Open(s engine.Sink) {
	if w.sink != nil {
		w.w.fail("%v: its transport was opened twice", w.e)
	}
	w.sink = s
	w.inner.Open(w)
}

func (w *wire) Pump() bool {
	if w.closed {
		w.w.fail("%v: pumped after Close", w.e)
		return false
	}
	if w.broken {
		w.end(errReset)
		return false
	}
	w.unstall()
	more := w.inner.Pump()
	if w.closed || !w.meddles {
		return more && !w.closed
	}
	return w.deliver() || more && !w.closed
}

// deliver passes on what was held back, as far as it may go.
func (w *wire) deliver() (more bool) {
	if w.ended || w.e.party.host.now() < w.held {
		return false
	}
	if w.cut >= 0 && w.cut <= len(w.in) {
		w.in, w.over = w.in[:w.cut], io.EOF
	}
	if len(w.in) > 0 {
		n := len(w.in)
		if w.piece > 0 {
			n = min(n, w.piece)
		}
		used := w.sink.Received(w.in[:n:n])
		if used < 0 || used > n {
			w.w.fail("%v: used %d bytes of %d", w.e, used, n)
		}
		if w.closed {
			return false
		}
		w.in = w.in[used:]
		if w.cut >= 0 {
			w.cut -= used
		}
		return true
	}
	if w.over != nil {
		w.end(w.over)
	}
	return false
}

func (w *wire) end(err error) {
	if !w.ended && !w.closed {
		w.ended = true
		w.sink.Ended(err)
	}
}

// unstall hands on what waited, once it may go.
func (w *wire) unstall() {
	if w.e.party.host.now() < w.stalled {
		return
	}
	for len(w.out) > 0 && !w.closed {
		b := w.out[0]
		w.out = w.out[1:]
		w.outN -= len(b.B)
		w.inner.Write(b)
	}
}

func (w *wire) Write(b *engine.Buffer) error {
	switch {
	case w.closed:
		w.w.fail("%v: written to after Close", w.e)
	case w.finned:
		w.w.fail("%v: written to after CloseWrite", w.e)
	case len(b.B) == 0:
		w.w.fail("%v: was written nothing", w.e)
	}
	w.written += len(b.B)
	w.inspect(b.B)
	b.B = w.w.sabotage.write(w, b.B)
	switch {
	case w.broken:
		w.pool.Put(b)
		return errReset
	case w.e.party.host.now() < w.stalled || len(w.out) > 0:
		w.out = append(w.out, b)
		w.outN += len(b.B)
		return nil
	}
	return w.inner.Write(b)
}

// inspect looks at the frames that a conn writes: whole ones, and each packet
// under the id that the insisting side gave it.
func (w *wire) inspect(b []byte) {
	for len(b) > 0 {
		var r codec.Reader
		f, n, err := r.Next(b)
		if err != nil || f == nil {
			w.w.fail("%v: wrote no whole frame: %v", w.e, err)
			return
		}
		b = b[n:]
		w.frames++
		if f.ID() < registry.MinID || w.e.link.doubtful() {
			continue
		}
		var p parcel
		if err := msgpack.Decode(f.Payload(), &p); err != nil {
			w.w.fail("%v: wrote a payload that is none: %v", w.e, err)
			return
		}
		w.e.stays -= len(p.Pad)
		if id := w.e.link.ids[p.Name]; id != f.ID() {
			w.w.fail("%v: sent %s as %d, the insisting side calls it %d", w.e, p.Name, f.ID(), id)
		}
	}
}

func (w *wire) Buffered() int { return w.outN + w.inner.Buffered() }

func (w *wire) CloseWrite() error {
	switch {
	case w.closed:
		w.w.fail("%v: CloseWrite after Close", w.e)
	case w.finned:
		w.w.fail("%v: CloseWrite came twice", w.e)
	case w.Buffered() > 0:
		w.w.fail("%v: CloseWrite with %d bytes buffered", w.e, w.Buffered())
	}
	w.finned = true
	if w.broken {
		return errReset
	}
	return w.inner.CloseWrite()
}

func (w *wire) Close() {
	if w.closed {
		w.w.fail("%v: closed twice", w.e)
		return
	}
	w.closed = true
	for _, b := range w.out {
		w.pool.Put(b)
	}
	w.out, w.outN, w.in = nil, 0, nil
	w.inner.Close()
}

// Received implements engine.Sink.
func (w *wire) Received(b []byte) int {
	switch {
	case w.closed:
		w.w.fail("%v: its transport got input after Close", w.e)
	case w.over != nil && w.cut < 0:
		w.w.fail("%v: its transport got input after the end", w.e)
	case len(b) == 0:
		w.w.fail("%v: its transport got nothing", w.e)
	}
	if !w.meddles {
		return w.sink.Received(b)
	}
	if w.over == nil {
		w.in = append(w.in, b...)
	}
	return len(b)
}

// Ended implements engine.Sink.
func (w *wire) Ended(err error) {
	switch {
	case w.closed:
		w.w.fail("%v: its transport ended after Close", w.e)
	case w.over != nil && w.cut < 0:
		w.w.fail("%v: its transport ended twice", w.e)
	}
	if w.meddles {
		if w.over == nil {
			w.over = err
		}
		return // deliver comes next
	}
	w.end(err)
}

// Wake implements engine.Sink.
func (w *wire) Wake(on *engine.Loop) { w.sink.Wake(on) }

// Loop implements engine.Sink.
func (w *wire) Loop() *engine.Loop { return w.sink.Loop() }

// later has the conn pumped after d.
func (w *wire) later(d time.Duration) {
	l := w.sink.Loop()
	l.After(d, func() {
		if !w.closed {
			w.sink.Wake(l)
		}
	})
}

// meddle asks for a fault.
func (w *wire) meddle() {
	rng, now := w.w.rng, w.e.party.host.now()
	d := pick(w.w, []time.Duration{time.Millisecond, 30 * time.Millisecond, time.Second, 20 * time.Second})
	what := ""
	switch k := rng.IntN(100); {
	case k < 25:
		what = "delay"
		w.meddles, w.held = true, now+d
		w.later(d)
	case k < 50:
		what = "split"
		w.meddles, w.piece = true, pick(w.w, []int{1, 1, 2, 5, 7, 100, 0})
		w.sink.Wake(nil)
	case k < 75:
		what = "stall"
		w.stalled = now + d
		w.later(d)
	case k < 85:
		what = "wake"
		w.sink.Wake(nil)
	case k < 90:
		what = "cut"
		w.meddles, w.cut = true, len(w.in)+rng.IntN(60)
		w.e.link.broken = true
		w.sink.Wake(nil)
	case k < 95:
		what = "close"
		w.meddles, w.cut = true, len(w.in)
		w.e.link.broken = true
		w.sink.Wake(nil)
	default:
		what = "reset"
		w.broken = true
		w.e.link.broken = true
		if w.w.chance(50) { // else a write finds out, or another wake
			w.sink.Wake(nil)
		}
	}
	w.w.trace.add("%d fault: %v: %s for %v", w.w.step, w.e, what, d)
}

// heal takes back what only slows the wire down.
func (w *wire) heal() {
	if w.closed || w.sink == nil {
		return
	}
	w.held, w.stalled, w.piece = 0, 0, 0
	w.sink.Wake(nil)
}

// sabotage is a transport that is wrong, to see that a run notices.
type sabotage int

const (
	none  sabotage = iota
	lose           // a frame
	twice          // a frame
	swap           // two frames
	flip           // a byte
	hoard          // a buffer
)

// write does to b what is wrong, once in a while, and to packets only.
func (s sabotage) write(w *wire, b []byte) []byte {
	if s == none || w.e.state != peer.Active || w.e.link.foe || !w.w.chance(20) {
		return b
	}
	f, n, _ := new(codec.Reader).Next(b)
	if first, rest := b[:n:n], b[n:]; f.ID() >= registry.MinID && (s != lose && s != swap || len(rest) > 0) {
		w.w.harm++
		switch s {
		case lose:
			return append([]byte(nil), rest...)
		case twice:
			return append(first, b...)
		case swap:
			return append(append([]byte(nil), rest...), first...)
		case flip:
			b[n-1] ^= 1
		case hoard:
			w.pool.Get()
		}
	}
	return b
}
