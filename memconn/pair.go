package memconn

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

	packed = 32 << 10 // what small buffers that wait are packed to
	small  = 4 << 10  // how large a buffer may be that waits with next to nothing in it
)

// End is one end of a pair, an engine.Transport.
type End struct {
	peer   *End
	pool   *engine.Pool // of the conn at this end
	in     *lane
	closed *atomic.Int32 // ends of the pair

	sink    atomic.Pointer[engine.Sink]
	blocked atomic.Bool // the other end holds output back
	fin     atomic.Bool // this end writes no more
	gone    atomic.Bool // this end is closed, and pops nothing from in any more

	// Of the loop that this end is on.
	on     *engine.Loop // nil until Open
	own    engine.Sink
	home   interface{ Put(*engine.Buffer) } // where cur goes back to
	near   bool                             // the other end is on this loop too
	cur    *engine.Buffer                   // being read, or next
	off    int
	out    ringbuf.Ring[*engine.Buffer] // waits for room
	outN   int
	memory int // of out, in bytes
	ended  bool
}

// Pair connects two ends. Each conn's buffers come from the pool of its
// reactor: poolA is that of the conn at a.
func Pair(poolA, poolB *engine.Pool) (a, b *End) {
	if poolA == nil || poolB == nil {
		panic("memconn: nil pool")
	}
	closed := new(atomic.Int32)
	a = &End{in: new(lane), pool: poolA, closed: closed}
	b = &End{in: new(lane), pool: poolB, closed: closed}
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
	e.on, e.own = s.Loop(), s
	if e.on != nil && e.peer.pool == e.pool {
		e.home = e.on.Buffers()
	}
	e.sink.Store(&s)
	if far := e.peer.sink.Load(); far != nil && e.on != nil && (*far).Loop() == e.on {
		e.near, e.peer.near = true, true
	}
	s.Wake(s.Loop()) // the other end may have written already
}

// wake has the end pumped by its loop; on is the caller's loop.
func (e *End) wake(on *engine.Loop) {
	if s := e.sink.Load(); s != nil {
		(*s).Wake(on)
	}
}

// Write implements engine.Transport.
func (e *End) Write(b *engine.Buffer) error {
	p := e.peer
	if p.gone.Load() {
		e.pool.Put(b) // the end is on its way, behind the input that is left
		return nil
	}
	// With nothing before it and one loop for both, it need not take the lane.
	if e.near && p.cur == nil && p.in.empty() && e.out.Len() == 0 {
		p.cur, p.off = b, 0
		p.own.Wake(e.on)
		return nil
	}
	if e.out.Len() > 0 || !e.hand(b) {
		e.outN += len(b.B)
		e.wait(b)
		p.blocked.Store(true)
		// The reader may have made room before it could see that.
		e.refill()
	}
	return nil
}

// wait puts b behind what waits. Small ones share a buffer: Config.MaxPending
// bounds the bytes, and a buffer a byte would be many times as much.
func (e *End) wait(b *engine.Buffer) {
	if n := e.out.Len(); n > 0 {
		if last := e.out.At(n - 1); len(last.B)+len(b.B) <= packed {
			e.memory -= cap(last.B)
			last.B = append(last.B, b.B...)
			e.memory += cap(last.B)
			e.pool.Put(b)
			return
		}
	}
	b = e.fit(b)
	e.memory += cap(b.B)
	e.out.Push(b)
}

// fit is b, or a copy in a buffer that is as large as it needs to be.
func (e *End) fit(b *engine.Buffer) *engine.Buffer {
	if cap(b.B) <= max(2*len(b.B), small) {
		return b
	}
	fit := e.pool.Get()
	if cap(fit.B) > max(2*len(b.B), small) {
		fit.B = nil
	}
	fit.B = append(fit.B, b.B...)
	e.pool.Put(b)
	return fit
}

// Memory implements engine.Keeper. What is on its way in the lane is not in it.
func (e *End) Memory() int { return e.memory }

// Messages implements engine.Keeper.
func (e *End) Messages(f engine.Framer) (n int) {
	if f == nil {
		return 0
	}
	for i := range e.out.Len() {
		for b := e.out.At(i).B; len(b) > 0; n++ {
			b = b[min(max(f.Message(b), 1), len(b)):]
		}
	}
	return n
}

// hand gives b to the other end if there is room.
func (e *End) hand(b *engine.Buffer) bool {
	p := e.peer
	if !p.in.push(b) {
		return false
	}
	if p.gone.Load() {
		e.reclaim() // it may have emptied the lane before b was in it
		return true
	}
	p.wake(e.on)
	return true
}

// refill hands over what waits, as far as there is room.
func (e *End) refill() {
	for {
		b, ok := e.out.Peek()
		if !ok {
			e.peer.blocked.Store(false)
			return
		}
		n, memory := len(b.B), cap(b.B)
		if !e.hand(b) {
			return
		}
		e.memory -= memory
		e.out.Pop()
		e.outN -= n
	}
}

// Buffered implements engine.Transport.
func (e *End) Buffered() int { return e.outN }

// CloseWrite implements engine.Transport.
func (e *End) CloseWrite() error {
	e.fin.Store(true)
	e.peer.wake(e.on)
	return nil
}

// Pump implements engine.Transport.
func (e *End) Pump() (more bool) {
	if e.out.Len() > 0 || e.peer.gone.Load() {
		e.moveOn()
	}
	if e.cur == nil && !e.take() {
		return e.finished()
	}
	n := e.own.Received(e.cur.B[e.off:])
	if e.cur == nil { // closed by the conn meanwhile
		return false
	}
	if e.off += n; e.off < len(e.cur.B) {
		if n == 0 && len(e.cur.B)-e.off < Window {
			e.join()
		}
		return true
	}
	e.drop()
	return !e.in.empty() || e.peer.fin.Load() || e.peer.gone.Load()
}

// moveOn does what can be done about output that waits.
func (e *End) moveOn() {
	if e.peer.gone.Load() {
		e.reclaim()
	} else {
		e.refill()
	}
}

// join puts the next buffer behind what the handler has left, which may be the
// first part of something.
func (e *End) join() {
	rest, off := e.cur, e.off
	e.cur = nil
	if !e.take() {
		e.cur, e.off = rest, off
		return
	}
	next := e.cur
	rest.B = append(rest.B[:copy(rest.B, rest.B[off:])], next.B...)
	e.drop()
	e.cur, e.off = rest, 0
}

// take makes the next buffer the one that is read.
func (e *End) take() bool {
	if e.cur = e.in.pop(); e.cur == nil {
		return false
	}
	e.off = 0
	if e.blocked.Load() {
		e.peer.wake(e.on)
	}
	return true
}

// drop gives the buffer that was read back to those whom it came from.
func (e *End) drop() {
	b := e.cur
	e.cur = nil
	e.home.Put(b)
}

// finished reports the end once the other side has written its last and all of
// it was read.
func (e *End) finished() (more bool) {
	if !e.peer.fin.Load() && !e.peer.gone.Load() || e.ended {
		return false
	}
	if !e.in.empty() { // written between the look and the end
		return true
	}
	e.ended = true
	e.own.Ended(io.EOF)
	return false
}

// Close implements engine.Transport.
func (e *End) Close() {
	e.ended = true
	if e.cur != nil {
		e.drop()
	}
	e.empty()
	for {
		b, ok := e.out.Pop()
		if !ok {
			break
		}
		e.pool.Put(b)
	}
	e.outN, e.memory = 0, 0
	e.gone.Store(true)
	if e.closed.Add(1) == 2 { // nobody else looks any more
		e.empty()
		e.reclaim()
		return
	}
	e.peer.wake(e.on)
}

// empty gives what came back to those who wrote it.
func (e *End) empty() {
	for b := e.in.pop(); b != nil; b = e.in.pop() {
		e.peer.pool.Put(b)
	}
}

// reclaim takes back what this end wrote and the other end, which is gone, has
// left in the lane.
func (e *End) reclaim() {
	for b := e.peer.in.pop(); b != nil; b = e.peer.in.pop() {
		e.pool.Put(b)
	}
}
