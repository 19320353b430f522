package main

// Loads that speak WebSocket, against each server that does.

import (
	"context"
	"io"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

func TestWebSocketServers(t *testing.T) {
	for _, name := range []string{"gws", "gorilla", "coder", "nbio-ws", "gobwas"} {
		testWebSocketServer(t, name)
	}
}

func testWebSocketServer(t *testing.T, name string) {
	for shape, args := range shapes {
		t.Run(name+"/"+shape, func(t *testing.T) {
			check(t, startServer(t, servers()[name], "raw"), append(slices.Clone(args), "--websocket")...)
		})
	}
	t.Run(name+"/other", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := servers()[name](ctx, "127.0.0.1:0", "other", io.Discard); err == nil {
			t.Error("no error")
		}
	})
}

func TestWebSocketOfPacketmq(t *testing.T) {
	reg := registry.New()
	echo := registry.MustAdd[[]byte](reg, "bench:echo", 17)
	reply := registry.MustAdd[[]byte](reg, "bench:reply", 18)
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	peer.HandleRaw(srv, echo, func(c *peer.Conn, b []byte) error { return c.ReplyRaw(reply.In(reg), b) })
	if err := websocket.Enable(srv, nil); err != nil {
		t.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := srv.Listen("ws://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for shape, args := range shapes {
		t.Run(shape, func(t *testing.T) {
			check(t, ln.Addr().String(), append(slices.Clone(args), "--websocket", "--handshake")...)
		})
	}
}
