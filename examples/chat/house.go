package main

import (
	"context"
	"fmt"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const houseName = "house"

// house is a guest that lives in the server's process: an ordinary client, but
// its conn is memory and its callbacks run on the server's own loop. That is
// why it may look into the server's maps without a lock.
type house struct {
	*calls
	room   *server
	joined chan error
}

// openHouse has the house join the room, before anybody else can.
func openHouse(ctx context.Context, room *server) error {
	h := &house{room: room, joined: make(chan error, 1)}
	c := peer.NewMemoryClient(withPackets(registry.NewAdapting()), &peer.Config{Reactor: room.Reactor(), Events: peer.Events{OnMade: h.made}})
	peer.Handle(c, chatPub, h.onPub)
	peer.Handle(c, chatCmd, h.onCmd)
	if _, err := c.Connect(ctx, room.Server); err != nil {
		return err
	}
	select {
	case err := <-h.joined:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *house) made(c *peer.Conn) {
	h.calls = newCalls(c)
	h.ask("join", []string{houseName}, func(a Answer) { h.joined <- a.err() })
}

func (h *house) onPub(c *peer.Conn, m *PubMsg) error {
	if m.Kind != Joined {
		return nil
	}
	text := fmt.Sprintf("hello %s, you are one of %d here", m.From, len(h.room.names))
	return peer.Reply(c, chatMsg, &Msg{text})
}

func (h *house) onCmd(_ *peer.Conn, v *SendCmd) error {
	h.take(v, func(v *SendCmd, answer func(Answer)) {
		if v.Name == "time" {
			answer(Answer{Lines: []string{"it is " + clock(h.room.now())}})
			return
		}
		answer(Answer{Fault: fmt.Sprintf("unknown command /%s; there are /who, /me, /time, /quit", v.Name)})
	})
	return nil
}
