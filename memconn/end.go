package memconn

// A pair of ends, each the transport of one conn: what one end writes, the other
// reads. This file has all of it but the ring between the ends.

import (
	"io"
	"net"
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/ringbuf"
)

const (
	// Slots is the number of buffers on their way to one end, beside the one that
	// it reads.
	Slots = 64

	// Window is how many bytes may be on their way to one end before the next
	// buffer waits.
	Window = 1 << 20

	// packedSize is the size, in bytes, up to which small buffers that wait share
	// one. Larger, and more is copied; smaller, and the buffers themselves take more.
	packedSize = 32 << 10

	// smallSize is the capacity, in bytes, that a waiting buffer may have however
	// little is in it. A larger one is exchanged for one that fits.
	smallSize = 4 << 10
)

// End is one end of a pair, an engine.Transport.
type End struct {
	// Set once, by Pair.
	peer   *End
	pool   *engine.Pool  // of the conn at this end
	in     *bufferRing   // what the other end has written
	closed *atomic.Int32 // how many ends of the pair are closed

	// For the other end, which may be on another loop.
	sink     atomic.Pointer[engine.Sink]
	blocked  atomic.Bool // the other end has output that waits for room
	finished atomic.Bool // this end writes no more
	gone     atomic.Bool // this end is closed, and pops nothing from in any more

	// Loop only: of the loop that this end is on.
	loop     *engine.Loop // nil until Open
	ownSink  engine.Sink
	home     interface{ Put(*engine.Buffer) } // where buffers that were read go back to
	sameLoop bool                             // the other end is on this loop too

	reading *engine.Buffer // nil, or what Pump reads next
	offset  int            // how much of it was read

	waiting       ringbuf.Ring[*engine.Buffer] // output that waits for room
	waitingBytes  int
	waitingMemory int // the capacity of these buffers, in bytes

	paused bool // the conn takes nothing for now
	ended  bool // the conn was told of the end, or is closed
}

// Pair connects two ends. Each conn's buffers come from the pool of its
// reactor: poolA is that of the conn at a.
func Pair(poolA, poolB *engine.Pool) (a, b *End) {
	if poolA == nil || poolB == nil {
		panic("memconn: nil pool")
	}
	closed := new(atomic.Int32)
	a = &End{in: new(bufferRing), pool: poolA, closed: closed}
	b = &End{in: new(bufferRing), pool: poolB, closed: closed}
	a.peer, b.peer = b, a
	a.home, b.home = poolB, poolA
	return a, b
}

// Addr is the address of both ends.
type Addr struct{}

// Network implements net.Addr.
func (Addr) Network() string { return "mem" }

// String implements net.Addr.
func (Addr) String() string { return "mem" }

// LocalAddr is an Addr. Any goroutine may call it.
func (e *End) LocalAddr() net.Addr { return Addr{} }

// RemoteAddr is an Addr. Any goroutine may call it.
func (e *End) RemoteAddr() net.Addr { return Addr{} }

// Open implements engine.Transport.
func (e *End) Open(s engine.Sink) {
	e.loop, e.ownSink = s.Loop(), s
	if e.loop != nil && e.peer.pool == e.pool {
		e.home = e.loop.Buffers()
	}
	e.sink.Store(&s)
	if far := e.peer.sink.Load(); far != nil && e.loop != nil && (*far).Loop() == e.loop {
		e.sameLoop, e.peer.sameLoop = true, true
	}
	s.Wake(s.Loop()) // the other end may have written already
}

// wake has its loop pump the end soon; caller is the loop that wake is called on.
func (e *End) wake(caller *engine.Loop) {
	if s := e.sink.Load(); s != nil {
		(*s).Wake(caller)
	}
}

// Write implements engine.Transport.
func (e *End) Write(b *engine.Buffer) error {
	p := e.peer
	if p.gone.Load() {
		e.pool.Put(b) // the conn learns of the end after the input that is left
		return nil
	}
	// On one loop, and with nothing before it, a buffer need not go through the ring.
	if e.sameLoop && p.reading == nil && p.in.isEmpty() && e.waiting.Len() == 0 {
		p.reading, p.offset = b, 0
		p.ownSink.Wake(e.loop)
		return nil
	}
	if e.waiting.Len() > 0 || !e.handOver(b) {
		e.waitingBytes += len(b.B)
		e.queue(b)
		p.blocked.Store(true)
		// The reader may have made room before it could see blocked.
		e.refill()
	}
	return nil
}

// queue appends b to what waits. Small writes share a buffer: Config.MaxPending
// bounds memory, and a buffer for each byte would take many times the bytes.
func (e *End) queue(b *engine.Buffer) {
	if n := e.waiting.Len(); n > 0 {
		if last := e.waiting.At(n - 1); len(last.B)+len(b.B) <= packedSize {
			e.waitingMemory -= cap(last.B)
			last.B = append(last.B, b.B...)
			e.waitingMemory += cap(last.B)
			e.pool.Put(b)
			return
		}
	}
	b = e.fitted(b)
	e.waitingMemory += cap(b.B)
	e.waiting.Push(b)
}

// fitted is b, or a copy of it in a buffer that is not much larger than it needs
// to be.
func (e *End) fitted(b *engine.Buffer) *engine.Buffer {
	if cap(b.B) <= max(2*len(b.B), smallSize) {
		return b
	}
	fit := e.pool.Get()
	if cap(fit.B) > max(2*len(b.B), smallSize) {
		fit.B = nil
	}
	fit.B = append(fit.B, b.B...)
	e.pool.Put(b)
	return fit
}

// Memory implements engine.Keeper. It does not count what is in the ring.
func (e *End) Memory() int { return e.waitingMemory }

// Messages implements engine.Keeper.
func (e *End) Messages(f engine.Framer) (n int) {
	if f == nil {
		return 0
	}
	for i := range e.waiting.Len() {
		for b := e.waiting.At(i).B; len(b) > 0; n++ {
			b = b[min(max(f.Message(b), 1), len(b)):]
		}
	}
	return n
}

// handOver gives b to the other end if there is room.
func (e *End) handOver(b *engine.Buffer) bool {
	p := e.peer
	if !p.in.push(b) {
		return false
	}
	if p.gone.Load() {
		e.reclaim() // the other end may have emptied the ring before b was in it
		return true
	}
	p.wake(e.loop)
	return true
}

// refill hands over what waits, while there is room.
func (e *End) refill() {
	for {
		b, ok := e.waiting.Peek()
		if !ok {
			e.peer.blocked.Store(false)
			return
		}
		n, memory := len(b.B), cap(b.B)
		if !e.handOver(b) {
			return
		}
		e.waitingMemory -= memory
		e.waiting.Pop()
		e.waitingBytes -= n
	}
}

// Buffered implements engine.Transport.
func (e *End) Buffered() int { return e.waitingBytes }

// CloseWrite implements engine.Transport.
func (e *End) CloseWrite() error {
	e.finished.Store(true)
	e.peer.wake(e.loop)
	return nil
}

// Pump implements engine.Transport.
func (e *End) Pump() (more bool) {
	if e.waiting.Len() > 0 || e.peer.gone.Load() {
		e.pumpOut()
	}
	if e.paused {
		return false
	}
	if e.reading == nil && !e.next() {
		return e.reportEnd()
	}
	n := e.ownSink.Received(e.reading.B[e.offset:])
	if e.reading == nil { // the conn has closed the end in Received
		return false
	}
	if e.offset += n; e.offset < len(e.reading.B) {
		if n == 0 && len(e.reading.B)-e.offset < Window {
			e.joinNext()
		}
		return true
	}
	e.putBack()
	return !e.in.isEmpty() || e.peer.finished.Load() || e.peer.gone.Load()
}

// PauseRead implements engine.Pauser: the ring fills, and then the other end keeps what it
// writes.
func (e *End) PauseRead() { e.paused = true }

// ResumeRead implements engine.Pauser.
func (e *End) ResumeRead() { e.paused = false }

// pumpOut hands over what waits, or takes it all back when nobody reads it.
func (e *End) pumpOut() {
	if e.peer.gone.Load() {
		e.reclaim()
	} else {
		e.refill()
	}
}

// joinNext appends the next buffer to what the handler has left unread, which may
// be the beginning of a frame.
func (e *End) joinNext() {
	rest, offset := e.reading, e.offset
	e.reading = nil
	if !e.next() {
		e.reading, e.offset = rest, offset
		return
	}
	next := e.reading
	rest.B = append(rest.B[:copy(rest.B, rest.B[offset:])], next.B...)
	e.putBack()
	e.reading, e.offset = rest, 0
}

// next pops the buffer that is read next. It returns false if there is none.
func (e *End) next() bool {
	if e.reading = e.in.pop(); e.reading == nil {
		return false
	}
	e.offset = 0
	if e.blocked.Load() {
		e.peer.wake(e.loop)
	}
	return true
}

// putBack puts the buffer that was read back where it came from.
func (e *End) putBack() {
	b := e.reading
	e.reading = nil
	e.home.Put(b)
}

// reportEnd tells the conn that the stream has ended, once the other end writes no
// more and everything was read. It returns true if there is something to read
// after all.
func (e *End) reportEnd() (more bool) {
	if !e.peer.finished.Load() && !e.peer.gone.Load() || e.ended {
		return false
	}
	if !e.in.isEmpty() { // written between the last look at the ring and the end
		return true
	}
	e.ended = true
	e.ownSink.Ended(io.EOF)
	return false
}

// Close implements engine.Transport.
func (e *End) Close() {
	e.ended = true
	if e.reading != nil {
		e.putBack()
	}
	e.emptyIn()
	for {
		b, ok := e.waiting.Pop()
		if !ok {
			break
		}
		e.pool.Put(b)
	}
	e.waitingBytes, e.waitingMemory = 0, 0
	e.gone.Store(true)
	if e.closed.Add(1) == 2 { // the other end is closed already, and does nothing any more
		e.emptyIn()
		e.reclaim()
		return
	}
	e.peer.wake(e.loop)
}

// emptyIn puts what the other end has written back into the other end's pool.
func (e *End) emptyIn() {
	for b := e.in.pop(); b != nil; b = e.in.pop() {
		e.peer.pool.Put(b)
	}
}

// reclaim takes back what this end has written and the other end, which is gone,
// has not popped.
func (e *End) reclaim() {
	for b := e.peer.in.pop(); b != nil; b = e.peer.in.pop() {
		e.pool.Put(b)
	}
}
