package main

import (
	"errors"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Msg is chat:msg, from a client to the server: something to be said to all.
type Msg struct {
	Text string `msgpack:"text"`
}

// PubMsg is chat:pubmsg, from the server to all: what somebody said or did.
type PubMsg struct {
	Kind Kind   `msgpack:"kind"`
	From string `msgpack:"from"` // empty: the server's console
	Text string `msgpack:"text"`
	Time int64  `msgpack:"time"` // Unix seconds: every msgpack has integers, not every one has times
}

// Kind is what a PubMsg tells of.
type Kind string

const (
	Said   Kind = "said"
	Did    Kind = "did" // Text is what: "/me waves"
	Joined Kind = "joined"
	Left   Kind = "left" // Text is why, if there is something to tell
)

// SendCmd is chat:sendcmd, in either direction: a command, or the answer to
// one that went the other way.
type SendCmd struct {
	ID     uint32   `msgpack:"id"` // the asker's number for it, and so the answer's
	Name   string   `msgpack:"name"`
	Args   []string `msgpack:"args"`
	Answer *Answer  `msgpack:"answer"` // nil in a command
}

// Answer is what came of a command: lines to show, or a fault.
type Answer struct {
	Lines []string `msgpack:"lines"`
	Fault string   `msgpack:"fault"`
}

func (a Answer) err() error {
	if a.Fault == "" {
		return nil
	}
	return errors.New(a.Fault)
}

// The packets of both sides.
var (
	chatMsg = registry.Define[Msg]("chat:msg", 16, registry.MaxSize(1<<10))
	chatPub = registry.Define[PubMsg]("chat:pubmsg", 17, registry.MaxSize(4<<10))
	chatCmd = registry.Define[SendCmd]("chat:sendcmd", 18, registry.MaxSize(32<<10))
)

// withPackets adds the packets to the registry of one side.
func withPackets(r *registry.Registry) *registry.Registry {
	r.MustAdd(chatMsg, chatPub, chatCmd)
	return r
}

// calls are the commands between the two ends of a conn, as one end sees them:
// it numbers those it asks, and knows what waits for their answers. It is
// touched on the conn's loop only.
type calls struct {
	conn  *peer.Conn
	last  uint32
	waits map[uint32]func(Answer)
}

func newCalls(conn *peer.Conn) *calls {
	return &calls{conn: conn, waits: make(map[uint32]func(Answer))}
}

// ask sends a command, and has then called with the answer: exactly once, with
// a fault if none can come any more.
func (c *calls) ask(name string, args []string, then func(Answer)) {
	c.last++
	id := c.last
	c.waits[id] = then
	if err := peer.Send(c.conn, chatCmd, &SendCmd{ID: id, Name: name, Args: args}); err != nil {
		c.settle(id, Answer{Fault: err.Error()})
	}
}

// take takes a packet that arrived: an answer goes to what waits for it, a
// command to do, which answers now or later.
func (c *calls) take(v *SendCmd, do func(v *SendCmd, answer func(Answer))) {
	if v.Answer != nil {
		c.settle(v.ID, *v.Answer)
		return
	}
	do(v, func(a Answer) {
		err := peer.Send(c.conn, chatCmd, &SendCmd{ID: v.ID, Answer: &a})
		if _, tooLarge := errors.AsType[*peer.SizeError](err); tooLarge {
			peer.Send(c.conn, chatCmd, &SendCmd{ID: v.ID, Answer: &Answer{Fault: "the answer is too long"}})
		} // another error: the conn has ended, nobody waits
	})
}

// settle gives an answer to what waits for it, if anything does.
func (c *calls) settle(id uint32, a Answer) {
	if then := c.waits[id]; then != nil {
		delete(c.waits, id)
		then(a)
	}
}

// end answers what is still open. It is called when the conn is lost.
func (c *calls) end() {
	for id := range c.waits {
		c.settle(id, Answer{Fault: "the other side is gone"})
	}
}

// whyLeft tells why a conn was lost, in words for people; empty when it was
// ended in the ordinary way.
func whyLeft(err error) string {
	reason, ok := errors.AsType[peer.Reason](err)
	switch {
	case !ok:
		return "connection lost"
	case reason == peer.ReasonShutdown:
		return ""
	}
	return string(reason)
}
