// Command counter is a program that is captured and replayed.
package main

import (
	"fmt"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/cmd/packetmq/testdata/chat"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func main() {
	fmt.Println(newReplay(nil))
}

// newReplay does what the server of the tests does.
func newReplay(r *engine.Reactor) capture.Program { return newProgram(r, 1) }

// newOther counts in another way.
func newOther(r *engine.Reactor) capture.Program { return newProgram(r, 2) }

// newPanic cannot be made.
func newPanic(*engine.Reactor) capture.Program { panic("no program") }

// newNone has no server.
func newNone(*engine.Reactor) capture.Program { return capture.Program{} }

func newProgram(r *engine.Reactor, step int64) capture.Program {
	reg := registry.New()
	reg.MustAdd(chat.Say, chat.Said)
	reg.MustAdd(chat.Buy.Packets()...)
	srv := peer.NewServer(reg, &peer.Config{Reactor: r})
	peer.Handle(srv, chat.Say, func(c *peer.Conn, l *chat.Line) error {
		l.Count += step
		return peer.Reply(c, chat.Said, l)
	})
	return capture.Program{Server: srv}
}
