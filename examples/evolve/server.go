package main

// The server, of this year.

import (
	"fmt"
	"io"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// newServer serves clients of any year.
func newServer(out io.Writer) *peer.Server {
	reg := registry.New()
	reg.MustAdd(move, seen, wave)
	srv := peer.NewServer(reg, &peer.Config{Events: peer.Events{OnMade: func(c *peer.Conn) {
		fmt.Fprintf(out, "server: a client of version %s, which can wave: %v\n", c.Remote().Version(), c.Knows(wave))
	}}})
	peer.Handle(srv, move, func(c *peer.Conn, m *Move) error {
		return peer.Reply(c, seen, &Seen{What: fmt.Sprintf("moves to %d, %d", m.X, m.Y)})
	})
	peer.Handle(srv, wave, func(c *peer.Conn, w *Wave) error {
		return peer.Reply(c, seen, &Seen{What: "waves to " + w.To})
	})
	return srv
}
