package cluster

// The node's own conn with its NATS server, for the streams between nodes. A connection of nats.go
// hands what is published to one goroutine, and what comes to two others, and each of them has to be
// woken. On this conn the loop writes and reads by itself, so that a packet for another node leaves in
// the turn in which its handler ran.
//
// Hellos go by nats.go all the same, and all else does when this conn is not there: a loop that is in a
// slow handler must not keep the node from saying that it is alive.

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/natswire"
	"github.com/packetmq/packetmq/engine"
)

// Login is a Server to which the node can connect by itself, over TCP.
type Login interface {
	// Login is where the server takes clients, and as whom the node connects. It is called
	// after Start.
	Login() (addr, user, password string)
}

const (
	// stallAfter is how long the loop may take to answer before it counts as stalled: its
	// streams are acknowledged by nats.go then, lest the other side takes them for dead after
	// link.Patience. Larger, and that gets near; smaller, and there are more wake-ups.
	stallAfter = time.Second

	// redialAfter is how long after its end the conn is made anew.
	redialAfter = time.Second
)

var (
	errRefused = errors.New("cluster: the NATS server refuses")
	errDrained = errors.New("cluster: the server shuts down")
)

// serverConns makes the conn, again when it has ended. A nil one makes none.
type serverConns struct {
	// Set once.
	node                 *Node
	bus                  *natsBus
	addr, user, password string

	conn    atomic.Pointer[serverConn] // that is in use; nil: none is
	stalled atomic.Bool                // its loop does not answer

	subscribing sync.Mutex
	passed      bool // messages come on the conn alone, and not by nats.go; guarded by subscribing

	// Guarded by the node's mu.
	dialing   bool
	drained   bool          // none is to be made any more
	dueAt     time.Duration // none is made before
	askedAt   time.Duration // when the loop was asked to answer; 0: it has
	answersAt time.Duration // when it is to be asked again
}

// serverConn is one such conn.
type serverConn struct {
	of     *serverConns
	conn   engine.Conn
	reader natswire.Reader
	ready  chan struct{} // closed when the server knows of the subscription
	isUp   bool          // so it is; on the loop only
	ended  chan struct{} // closed with the conn
	err    error         // why; valid when it is
}

// newServerConns returns what makes the conn over b, if b has such a server.
func newServerConns(n *Node, b bus) *serverConns {
	nb, ok := b.(*natsBus)
	if !ok {
		return nil
	}
	l, ok := nb.server.(Login)
	if !ok {
		return nil
	}
	s := &serverConns{node: n, bus: nb}
	s.addr, s.user, s.password = l.Login()
	n.srv.Reactor().WaitInRuntime() // beside the server's goroutines
	return s
}

// dial makes the conn, and has the streams' messages come on it.
func (s *serverConns) dial(ctx context.Context) {
	if s == nil {
		return
	}
	n := s.node
	ctx, cancel := context.WithTimeout(ctx, link.Patience)
	defer cancel()
	c := &serverConn{of: s, ready: make(chan struct{}), ended: make(chan struct{})}
	err := n.srv.Reactor().Dial(ctx, "tcp", s.addr, &c.conn, c)
	if err == nil {
		select {
		case <-c.ready:
			s.pass(c)
		case <-c.ended:
			err = c.err
		case <-ctx.Done():
			err = ctx.Err()
			c.conn.Abort(err)
		}
	}
	if err != nil {
		n.cfg.Logger.Debug("no conn of the node's own with its NATS server", "err", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.dialing, s.dueAt = false, n.now()+redialAfter
	if n.err != nil || s.drained {
		c.conn.Abort(errDrained)
	}
}

// pass ends the subscription by nats.go, if c is still there in its place.
func (s *serverConns) pass(c *serverConn) {
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	if s.conn.Load() == c {
		s.passed = true
		s.bus.unsubscribe(s.node.streamSubject(s.node.self.Name))
	}
}

// step makes the conn if it is missing, and sees whether its loop answers. mu is held.
func (s *serverConns) step(now time.Duration) {
	if s == nil || s.dialing || s.drained || s.node.err != nil {
		return
	}
	c := s.conn.Load()
	switch {
	case c == nil && now >= s.dueAt:
		s.dialing = true
		s.node.ended.Add(1)
		go func() {
			defer s.node.ended.Done()
			s.dial(context.Background())
		}()
	case c == nil:
	case s.askedAt == 0 && now >= s.answersAt:
		s.askedAt = now
		c.conn.Loop().Post(s.answered)
	case s.askedAt != 0 && now >= s.askedAt+stallAfter:
		s.stalled.Store(true)
	}
}

// answered is called on the loop when that does not stall.
func (s *serverConns) answered() {
	n := s.node
	n.mu.Lock()
	defer n.mu.Unlock()
	s.askedAt, s.answersAt = 0, n.now()+stallAfter
	s.stalled.Store(false)
}

// isStalled reports whether the loop does not answer.
func (s *serverConns) isStalled() bool { return s != nil && s.stalled.Load() }

// publish queues a message on the conn. ok is false if that is not possible. b is a payload with
// natswire.End after it.
func (s *serverConns) publish(subject string, b []byte) (ok bool) {
	if s == nil || s.stalled.Load() {
		return false
	}
	c := s.conn.Load()
	if c == nil {
		return false
	}
	var room [192]byte // most subjects are shorter
	return c.conn.QueueParts(natswire.AppendPublish(room[:0], subject, len(b)-len(natswire.End)), b) == nil
}

// close ends the conn when what was published has left.
func (s *serverConns) close() {
	if s == nil {
		return
	}
	if c := s.conn.Swap(nil); c != nil {
		c.conn.Finish(link.Patience)
	}
}

// lost has messages come by nats.go again. It waits for NATS, and so is not for a loop.
func (s *serverConns) lost(c *serverConn, err error) {
	n := s.node
	n.mu.Lock()
	over := n.err != nil
	s.dueAt, s.askedAt = n.now()+redialAfter, 0
	n.mu.Unlock()
	s.stalled.Store(false)
	if over {
		return
	}
	n.cfg.Logger.Warn("the node's own conn with its NATS server has ended", "err", err)
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	if !s.passed {
		return
	}
	if err := s.bus.subscribe(context.Background(), n.receive, n.streamSubject(n.self.Name)); err != nil {
		n.cfg.Logger.Error("streams of other nodes are not heard", "err", err)
		return
	}
	s.passed = false
}

// Opened implements engine.Handler. The server speaks first.
func (c *serverConn) Opened(*engine.Conn) {}

// Received implements engine.Handler.
func (c *serverConn) Received(_ *engine.Conn, b []byte) int {
	if err := c.reader.Read(b, c.heard); err != nil {
		c.conn.Abort(err)
	}
	return len(b)
}

// heard takes in what the server has said.
func (c *serverConn) heard(kind natswire.Kind, text []byte) error {
	n := c.of.node
	switch kind {
	case natswire.Info:
		if !c.isUp {
			b := natswire.AppendConnect(nil, n.self.Name, c.of.user, c.of.password)
			b = natswire.AppendSubscribe(b, n.streamSubject(n.self.Name))
			return c.conn.Queue(append(b, natswire.SayPing...))
		}
	case natswire.Ping:
		return c.conn.Queue([]byte(natswire.SayPong))
	case natswire.Pong:
		if !c.isUp {
			c.isUp = true
			c.of.conn.Store(c)
			close(c.ready)
		}
	case natswire.Message:
		if len(text) > 0 && text[0] != segmentMessage { // a hello may have a node leave, and wait
			n.malformed(len(text), errMessage)
			return nil
		}
		n.receive(text)
		c.conn.Loop().Relay() // to the streams' conns
	case natswire.Refusal:
		return errors.Join(errRefused, errors.New(string(text)))
	}
	return nil
}

// Expired implements engine.Handler.
func (c *serverConn) Expired(*engine.Conn) {}

// Pressure implements engine.Handler. What has no room is lost, and sent again.
func (c *serverConn) Pressure(*engine.Conn, bool) {}

// Drain implements engine.Handler: the rest goes by nats.go.
func (c *serverConn) Drain(*engine.Conn) {
	n := c.of.node
	n.mu.Lock()
	c.of.drained = true
	n.mu.Unlock()
	c.conn.Abort(errDrained)
}

// Closed implements engine.Handler.
func (c *serverConn) Closed(_ *engine.Conn, err error) {
	if err == nil {
		err = errDrained
	}
	c.err = err
	close(c.ended)
	n := c.of.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.of.conn.CompareAndSwap(c, nil) && n.err == nil {
		n.ended.Add(1)
		go func() {
			defer n.ended.Done()
			c.of.lost(c, err)
		}()
	}
}
