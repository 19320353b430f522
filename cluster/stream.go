package cluster

// A stream to another node as an engine.Transport: what comes is brought to the conn on its
// loop, and what it writes leaves at once, from there.

import (
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/natswire"
	"github.com/packetmq/packetmq/engine"
)

// Addr is the address of a node. A conn's RemoteAddr is an Addr if it is one with a node, and
// nobody else can have that.
type Addr struct{ stream streamID }

// Network is "cluster".
func (Addr) Network() string { return "cluster" }

// String is the node's name.
func (a Addr) String() string { return a.stream.far.Name }

// stream is one end of a stream.
type stream struct {
	// Set once.
	node    *Node
	id      streamID
	subject string // that its messages are sent to

	dropped atomic.Bool // what comes is not handled any more

	// On the loop only.
	input  []byte // that was read from the link; read is how much of it the conn has taken
	read   int
	told   bool             // the conn knows of the end
	paused bool             // the conn takes nothing now
	output []*engine.Buffer // that the link has no room for yet
	offset int              // of the first one

	mu sync.Mutex

	// Guarded by mu.
	sink   engine.Sink // nil: not open yet
	link   *link.Link
	gaps   uint64 // that were told
	err    error  // why it has ended on this side; nil: it has not
	closed bool   // by this side
	starve bool   // there is output that waits for room
	buffer []byte // for a message to be sent
}

var (
	_ engine.Transport = (*stream)(nil)
	_ engine.Pauser    = (*stream)(nil)
)

func newStream(n *Node, id streamID) *stream {
	return &stream{node: n, id: id, subject: n.streamSubject(id.far.Name), link: link.New(n.now())}
}

// LocalAddr is this node. Any goroutine may call it, and RemoteAddr.
func (s *stream) LocalAddr() net.Addr { return Addr{streamID{far: s.node.self}} }

// RemoteAddr is the other node.
func (s *stream) RemoteAddr() net.Addr { return Addr{s.id} }

// receive takes a segment in that came from the other node.
func (s *stream) receive(segment *link.Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Receive(segment, s.node.now())
	s.flush()
	s.wake()
	if n := s.link.Gaps(); n != s.gaps {
		s.gaps = n
		s.node.tellGap(s.id.far.Name, n)
	}
}

// wake has the loop look at what there is for it. mu is held.
func (s *stream) wake() {
	over := s.err != nil || s.link.Err() != nil
	if s.sink != nil && !s.closed && (over || s.link.Readable() || s.starve && s.link.Room() > 0) {
		s.sink.Wake(nil)
	}
}

// tick sends what is due because of the time. With assure it also tells the other side that this
// one is there, although its loop does not read.
func (s *stream) tick(assure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if assure {
		s.link.Assure()
		s.flush()
	}
	if s.node.now() >= s.link.Wake() {
		s.flush()
		s.wake()
	}
	if s.closed && (s.link.Flushed() || s.link.Err() != nil || s.err != nil) {
		s.node.drop(s, s.link.Gaps(), s.link.Resent())
	}
}

// flush sends what the link has to send. mu is held.
func (s *stream) flush() {
	now := s.node.now()
	for segment, ok := s.link.Next(now); ok; segment, ok = s.link.Next(now) {
		e := envelope{s.node.self, s.id.far.Epoch, s.id.number, s.id.begun, segment}
		s.buffer = append(e.append(s.buffer[:0]), natswire.End...)
		s.node.publish(s.subject, s.buffer)
	}
	if s.link.Err() != nil {
		s.wake()
	}
	if s.link.Waits() {
		s.node.ticker.hasten()
	}
}

// waits reports whether tick has something to do sooner or later.
func (s *stream) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.link.Waits()
}

// counts are how often something was missing, and how many bytes were sent again.
func (s *stream) counts() (gaps, resent uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link.Gaps(), s.link.Resent()
}

// end ends the stream without a word to the other side.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.wake()
}

// supersede ends the stream because the other side has begun another one. What has come and
// was not handled is dropped: the other side was told that its conn is lost.
func (s *stream) supersede() {
	s.dropped.Store(true)
	s.end(errSuperseded)
}

// Open implements engine.Transport.
func (s *stream) Open(sink engine.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
	sink.Wake(sink.Loop()) // something may have come already
}

// Pump implements engine.Transport.
func (s *stream) Pump() (more bool) {
	s.refill()
	for !s.paused {
		if s.dropped.Load() {
			s.read = len(s.input)
		}
		if s.read == len(s.input) && !s.fill() {
			return false
		}
		s.read += s.sink.Received(s.input[s.read:])
		if s.isClosed() {
			return false
		}
		if s.read < len(s.input) {
			return !s.paused
		}
	}
	return false
}

// PauseRead implements engine.Pauser: what comes is left to the link, whose window fills.
func (s *stream) PauseRead() { s.paused = true }

// ResumeRead implements engine.Pauser.
func (s *stream) ResumeRead() { s.paused = false }

// fill reads what has come. It is false if there is nothing; the conn is told of an end.
func (s *stream) fill() bool {
	s.mu.Lock()
	if s.input == nil {
		s.input = make([]byte, link.MaxData)
	}
	n, end := s.link.Read(s.input[:cap(s.input)])
	if s.dropped.Load() {
		n = 0
	}
	s.input, s.read = s.input[:n], 0
	err := s.err
	if end {
		err = io.EOF
	} else if err == nil {
		err = s.link.Err()
	}
	tell := n == 0 && err != nil && !s.told && !s.closed
	if n > 0 {
		s.flush() // there is room again, perhaps
	}
	s.mu.Unlock()
	if tell {
		s.told = true
		s.sink.Ended(err)
	}
	return n > 0
}

func (s *stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Write implements engine.Transport.
func (s *stream) Write(b *engine.Buffer) error {
	s.output = append(s.output, b)
	s.refill()
	return nil
}

// refill gives the link what it has room for.
func (s *stream) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := 0
	for len(s.output) > 0 {
		first := s.output[0]
		n := s.link.Write(first.B[s.offset:])
		s.offset += n
		moved += n
		if s.offset < len(first.B) {
			break
		}
		s.node.srv.Reactor().Buffers().Put(first)
		s.output[0] = nil
		s.output, s.offset = s.output[1:], 0
	}
	s.starve = len(s.output) > 0
	if moved > 0 {
		s.flush()
	}
}

// Buffered implements engine.Transport.
func (s *stream) Buffered() (n int) {
	for _, b := range s.output {
		n += len(b.B)
	}
	return n - s.offset
}

// CloseWrite implements engine.Transport.
func (s *stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Close()
	s.flush()
	return nil
}

// Close implements engine.Transport. What the link has taken goes on its way.
func (s *stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.output {
		s.node.srv.Reactor().Buffers().Put(b)
	}
	s.output, s.offset = nil, 0
	s.closed = true
	s.link.Close()
	s.flush()
	s.node.ticker.hasten() // which forgets the stream
}
