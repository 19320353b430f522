package cluster

// A stream to another node as a net.Conn, which peers take over like any other.

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/link"
)

// Addr is the address of a node. A conn's RemoteAddr is an Addr if it is one with a node, and
// nobody else can have that.
type Addr struct{ node string }

// Network is "cluster".
func (Addr) Network() string { return "cluster" }

// String is the node's name.
func (a Addr) String() string { return a.node }

// stream is one end of a stream.
type stream struct {
	node *Node
	id   streamID

	mu      sync.Mutex
	changed sync.Cond // something can be read or written, or not any more

	// Guarded by mu.
	link          *link.Link
	gaps          uint64 // that were told
	err           error  // why it has ended on this side
	closed        bool   // by this side
	shut          bool   // this side writes no more
	read, write   time.Time
	readT, writeT *time.Timer
	buffer        []byte // for a message to be sent
}

func newStream(n *Node, id streamID) *stream {
	s := &stream{node: n, id: id, link: link.New(n.now())}
	s.changed.L = &s.mu
	return s
}

// receive takes a segment in that came from the other node.
func (s *stream) receive(segment *link.Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Receive(segment, s.node.now())
	s.flush()
	s.changed.Broadcast()
	if n := s.link.Gaps(); n != s.gaps {
		s.gaps = n
		s.node.tellGap(s.id.far.Name, n)
	}
}

// tick sends what is due because of the time.
func (s *stream) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node.now() >= s.link.Wake() {
		s.flush()
		s.changed.Broadcast()
	}
	if s.closed && (s.link.Flushed() || s.link.Err() != nil) {
		s.node.drop(s, s.link.Gaps(), s.link.Resent())
	}
}

// flush sends what the link has to send. mu is held.
func (s *stream) flush() {
	now := s.node.now()
	for segment, ok := s.link.Next(now); ok; segment, ok = s.link.Next(now) {
		e := envelope{s.node.self, s.id.far.Epoch, s.id.number, s.id.begun, segment}
		s.buffer = e.append(s.buffer[:0])
		s.node.publish(s.id.far.Name, s.buffer)
	}
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
	s.changed.Broadcast()
}

// failure is why nothing can be read or written any more, or nil. mu is held.
func (s *stream) failure(deadline time.Time) error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.err != nil:
		return s.err
	case s.link.Err() != nil:
		return s.link.Err()
	case !deadline.IsZero() && !time.Now().Before(deadline):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Read implements net.Conn.
func (s *stream) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.link.Readable() && !s.closed {
			n, end := s.link.Read(b)
			if n == 0 && end {
				return 0, io.EOF
			}
			s.flush() // there is room again, perhaps
			return n, nil
		}
		if err := s.failure(s.read); err != nil {
			return 0, err
		}
		s.changed.Wait()
	}
}

// Write implements net.Conn.
func (s *stream) Write(b []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) > 0 {
		if s.shut {
			return written, net.ErrClosed
		}
		if err := s.failure(s.write); err != nil {
			return written, err
		}
		n := s.link.Write(b)
		written, b = written+n, b[n:]
		s.flush()
		if n == 0 {
			s.changed.Wait()
		}
	}
	return written, nil
}

// CloseWrite ends the stream to the other side.
func (s *stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	s.link.Close()
	s.flush()
	return nil
}

// Close implements net.Conn. What was written goes on its way.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.link.Close()
	s.flush()
	s.changed.Broadcast()
	if s.err != nil {
		s.node.drop(s, s.link.Gaps(), s.link.Resent())
	}
	return nil
}

// LocalAddr implements net.Conn.
func (s *stream) LocalAddr() net.Addr { return Addr{s.node.self.Name} }

// RemoteAddr implements net.Conn.
func (s *stream) RemoteAddr() net.Addr { return Addr{s.id.far.Name} }

// SetDeadline implements net.Conn, as do SetReadDeadline and SetWriteDeadline.
func (s *stream) SetDeadline(t time.Time) error {
	s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

func (s *stream) SetReadDeadline(t time.Time) error  { return s.setDeadline(&s.read, &s.readT, t) }
func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.write, &s.writeT, t) }

func (s *stream) setDeadline(deadline *time.Time, timer **time.Timer, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	*deadline = t
	if left := time.Until(t); !t.IsZero() && left > 0 {
		*timer = time.AfterFunc(left, func() {
			s.mu.Lock()
			s.changed.Broadcast()
			s.mu.Unlock()
		})
	}
	s.changed.Broadcast()
	return nil
}

var _ net.Conn = (*stream)(nil)
