package cluster

// What comes from other nodes: hellos, and segments of streams.

import (
	"errors"

	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/cluster/internal/natswire"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// receive takes in a message of another node, or of this one.
func (n *Node) receive(b []byte) {
	if len(b) == 0 {
		return
	}
	var err error
	switch b[0] {
	case helloMessage:
		err = n.receiveHello(b[1:])
	case segmentMessage:
		err = n.receiveSegment(b[1:])
	default:
		err = errMessage
	}
	if err != nil {
		n.malformed(len(b), err)
	}
}

// malformed counts a message that cannot be read.
func (n *Node) malformed(bytes int, err error) {
	n.mu.Lock()
	n.stats.Malformed++
	n.mu.Unlock()
	n.cfg.Logger.Debug("message that cannot be read", "bytes", bytes, "err", err)
}

func (n *Node) receiveHello(b []byte) error {
	h, err := readHello(b)
	if err != nil {
		return err
	}
	n.mu.Lock()
	now := n.now()
	after := n.see(n.members.Hello(h, now))
	n.connectAll(now)
	n.mu.Unlock()
	n.finish(after)
	return nil
}

// aftermath is what is to be done without mu when nodes have come and gone.
type aftermath struct {
	greet   []string  // nodes that may not know this one yet
	over    []*stream // with nodes that are gone
	usurped bool
}

// see does what follows from nodes that have come and gone. mu is held, so that a node's going
// and coming back are seen in the order in which they were noticed.
func (n *Node) see(events []members.Event) (after aftermath) {
	for _, e := range events {
		id := e.Hello.From
		switch e.Kind {
		case members.Came:
			after.greet = append(after.greet, id.Name)
			n.to[id.Name] = &outgoing{id: id}
		case members.Left, members.Lost:
			if o := n.to[id.Name]; o != nil && o.id == id {
				n.down(o, errGone)
				delete(n.to, id.Name)
			}
			after.over = append(after.over, n.streamsWith(func(s *stream) bool { return s.id.far == id })...)
		case members.Forgotten:
			if in := n.from[id.Name]; in != nil && in.conn == nil {
				delete(n.from, id.Name)
			}
		case members.Usurped:
			after.usurped = true
		}
	}
	return after
}

// finish does what see has left over.
func (n *Node) finish(after aftermath) {
	for _, name := range after.greet {
		n.sayHello("node."+name, false)
	}
	for _, s := range after.over {
		s.end(errGone)
	}
	if after.usurped {
		n.cfg.Logger.Error("another node has this one's name", "node", n.self.Name)
		n.leave(ErrUsurped)
	}
}

// receiveSegment takes in a segment, and what begins a stream.
func (n *Node) receiveSegment(b []byte) error {
	e, err := readEnvelope(b)
	if err != nil {
		return err
	}
	if e.toEpoch != n.self.Epoch {
		return nil // to this node as it was before
	}
	id := streamID{e.from, e.number, !e.begun}
	n.mu.Lock()
	n.members.Heard(e.from, n.now())
	s := n.streams[id]
	var before []*stream
	var loop *engine.Loop
	fresh := s == nil && n.begins(&e)
	if fresh {
		s, before = n.accept(id)
		loop = n.from[id.far.Name].loop
	}
	n.mu.Unlock()
	switch {
	case s == nil && e.segment.Flags&link.Reset == 0:
		reset := envelope{n.self, e.from.Epoch, e.number, !e.begun, link.Segment{Flags: link.Reset}}
		n.publish(n.streamSubject(e.from.Name), append(reset.append(nil), natswire.End...))
		return nil
	case s == nil:
		return nil
	}
	for _, old := range before {
		old.supersede()
	}
	s.receive(&e.segment)
	if fresh {
		if _, err := n.srv.Attach(s, loop); err != nil && !errors.Is(err, peer.ErrClosed) {
			n.cfg.Logger.Warn("conn of a node was not taken", "node", e.from.Name, "err", err)
		}
	}
	return nil
}
