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
	case answerMessage:
		err = n.receiveAnswer(b[1:])
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
	n.hello(h, false)
	return nil
}

// receiveAnswer takes in the hello of a node that had no room for this one. By this node's epoch it
// has proven to be one, and there is room for it here.
func (n *Node) receiveAnswer(b []byte) error {
	toEpoch, h, err := readAnswer(b)
	if err == nil && toEpoch == n.self.Epoch {
		n.hello(h, true)
	}
	return err
}

// hello takes in what a node says of itself.
func (n *Node) hello(h members.Hello, proven bool) {
	n.mu.Lock()
	if proven {
		n.members.Prove(h.From)
	}
	now := n.now()
	after := n.see(n.members.Hello(h, now))
	n.connectAll(now)
	n.mu.Unlock()
	n.finish(after)
}

// aftermath is what is to be done without mu when nodes have come and gone.
type aftermath struct {
	greet   []string  // nodes that may not know this one yet
	over    []*stream // with nodes that are gone
	usurped bool
	refused members.ID // a node for which there is no room; the zero ID: none
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
		case members.Refused:
			n.stats.Strangers++
			after.refused = id
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
	if after.refused != (members.ID{}) {
		n.answerRefused(after.refused)
	}
	if after.usurped {
		n.cfg.Logger.Error("another node has this one's name", "node", n.self.Name)
		n.leave(ErrUsurped)
	}
}

// answerRefused answers a node for which there is no room: if it is one, it begins a conn, by which it
// proves that, and there is room for it. It is logged, not too often.
func (n *Node) answerRefused(id members.ID) {
	n.bus.publish(n.subject("node."+id.Name), appendAnswer(nil, id.Epoch, &members.Hello{From: n.self, Services: n.cfg.Services}))
	if ok, skipped := n.refusals.Allow(); ok {
		n.cfg.Logger.Warn("a node was not taken, since too many that do not answer say hello", "node", id.Name, "skipped", skipped)
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
	if s == nil && e.begun && e.segment.Flags&link.Reset == 0 { // who knows this node's epoch hears it
		n.members.Prove(e.from)
	}
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
