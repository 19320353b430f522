package engine

// A Transport over any net.Conn, such as TLS, for which two goroutines read and write.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	idleRead    = 1 << 10   // bytes that a read takes of a conn that is idle,
	streamRead  = 16 << 10  // and of one that is busy: as many as a TLS record has
	streamSlots = 16        // reads on their way to the loop,
	streamQueue = 256 << 10 // and bytes of memory that they may take, but for one of them
	streamWrite = 16 << 10  // a write: TLS makes records of it, and each is a sign that the other side reads
	emptyReads  = 100       // reads of nothing in a row before a stream is given up

	// lastWords is how long a stream goes on reading that cannot be written to
	// any more: the other side may have said why, or be about to. It begins anew when the
	// loop has had the stream wait.
	lastWords = 100 * time.Millisecond

	// hangUpTime is how long a conn has to close before what it still tries to
	// say is cut off.
	hangUpTime = 100 * time.Millisecond
)

// Inject opens c, zero memory for the conn, over nc: TLS, a channel of another
// protocol, one end of a net.Pipe. It takes nc over in any case, with the
// deadlines that were set on it, and returns at once; Opened is called when the
// reactor runs.
//
// Two goroutines serve nc. Input waits in 16 reads of at most 16 KiB for its
// turn, in 256 KiB of memory and a read, and then in nc; they go on while the reactor is stopped, as far as that.
// What Abort finds unwritten is lost. An nc that has no CloseWrite is closed as
// a whole where its output ends, a tenth of a second after the last of it was
// written.
func (r *Reactor) Inject(nc net.Conn, c *Conn, h Handler) error {
	if err := nonNil("net.Conn", nc, "conn", c, "handler", h); err != nil {
		if !isNil(nc) {
			nc.Close()
		}
		return err
	}
	nc.SetDeadline(time.Time{}) // one that has none needs no reset
	return r.Attach(newStream(r, nc), c, h, nil)
}

// stream is a Transport over any net.Conn. One goroutine reads and one writes,
// so that nc can do neither to the loop; a third closes nc.
type stream struct {
	r    *Reactor
	nc   net.Conn
	name atomic.Value   // of nc and its address, since those are not asked when it hangs
	work sync.WaitGroup // the two goroutines

	// Input, from the reading goroutine to the loop.
	in      chan *Buffer  // closed after the last one
	over    atomic.Bool   // in is closed, or about to be
	err     error         // why; set before over
	queued  atomic.Int64  // memory of what is in it, and of cur
	waiting atomic.Bool   // the reading goroutine waits for room
	ending  atomic.Bool   // the other side has lastWords
	room    chan struct{} // has one when there may be room
	gone    chan struct{} // closed by Close

	// Output, from the loop to the writing goroutine.
	buffered atomic.Int64 // bytes that nc has not taken
	wrote    atomic.Int64 // bytes of now that it has taken

	// Guarded by mu.
	mu     sync.Mutex
	more   sync.Cond // out, fin or closed have changed
	out    queue     // to be written
	now    *Buffer   // being written
	lost   Unsent    // dropped, because it cannot be written any more
	fin    bool      // nothing comes after out
	closed bool
	failed error // of the write that failed

	// Loop only.
	sink   Sink
	framer Framer  // nil where a Wrapper makes something else of the messages
	cur    *Buffer // being read
	off    int
	ended  bool
}

func newStream(r *Reactor, nc net.Conn) *stream {
	s := &stream{r: r, nc: nc, in: make(chan *Buffer, streamSlots), gone: make(chan struct{}), room: make(chan struct{}, 1)}
	s.more.L = &s.mu
	r.mu.Lock()
	if r.streams == nil {
		r.streams = make(map[*stream]struct{})
	}
	r.streams[s] = struct{}{}
	r.mu.Unlock()
	return s
}

// LocalAddr is that of the conn.
func (s *stream) LocalAddr() net.Addr { return s.nc.LocalAddr() }

// RemoteAddr is that of the conn.
func (s *stream) RemoteAddr() net.Addr {
	a := s.nc.RemoteAddr()
	s.name.Store(fmt.Sprintf("%T to %v", s.nc, a))
	return a
}

// String names the net.Conn, for an UnfinishedError.
func (s *stream) String() string {
	if name, ok := s.name.Load().(string); ok {
		return name
	}
	return fmt.Sprintf("%T", s.nc)
}

// Open implements Transport.
func (s *stream) Open(sink Sink) {
	s.sink = sink
	if c, ok := sink.(*connSink); ok {
		s.framer = framer(c.handler)
	}
	s.work.Go(s.read)
	s.work.Go(s.write)
}

// Pump implements Transport.
func (s *stream) Pump() (more bool) {
	if s.cur == nil {
		select {
		case b, ok := <-s.in:
			if !ok {
				s.end()
				return false
			}
			s.cur, s.off = b, 0
		default:
			return false
		}
	}
	n := s.sink.Received(s.cur.B[s.off:])
	if s.cur == nil { // closed by the conn meanwhile
		return false
	}
	if s.off += n; s.off >= len(s.cur.B) {
		s.drop()
	}
	return s.cur != nil || len(s.in) > 0 || s.over.Load()
}

func (s *stream) drop() {
	s.release(s.cur)
	s.cur = nil
}

// end reports the end, after all input.
func (s *stream) end() {
	if s.ended {
		return
	}
	s.ended = true
	err := s.err
	s.mu.Lock()
	if s.failed != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = s.failed
	}
	s.mu.Unlock()
	s.sink.Ended(err)
}

// Write implements Transport.
func (s *stream) Write(b *Buffer) error {
	n := len(b.B)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil { // the end comes after the input that is left
		s.lost.add(Unsent{messagesIn(s.framer, b.B), n})
		s.r.pool.Put(b)
		return nil
	}
	s.buffered.Add(int64(n))
	first := s.out.size() == 0
	s.out.copyIn(&s.r.pool, s.framer, b.B)
	s.sink.Loop().buffers.Put(b)
	if first {
		s.more.Signal()
	}
	return nil
}

// Memory implements Keeper.
func (s *stream) Memory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.out.memory()
	if s.now != nil {
		n += cap(s.now.B)
	}
	return n
}

// Messages implements Keeper.
func (s *stream) Messages(Framer) int { return s.unsent().Messages }

// unsent is what nc has not taken, and will not if a write has failed. What is in a
// write that has not returned counts.
func (s *stream) unsent() Unsent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left()
}

// left is unsent with s.mu held.
func (s *stream) left() Unsent {
	u := Unsent{s.out.messages(s.framer), s.Buffered()}
	if s.now != nil {
		u.Messages += messagesBeyond(s.framer, s.now.B, int(s.wrote.Load()))
	}
	u.add(s.lost)
	return u
}

// Buffered implements Transport.
func (s *stream) Buffered() int { return int(s.buffered.Load()) }

// CloseWrite implements Transport.
func (s *stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fin = true
	s.more.Signal()
	return nil
}
