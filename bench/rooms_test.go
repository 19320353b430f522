package bench

import (
	"io"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A client that has the packets too joins rooms and subscribes to topics.
func TestOpenRooms(t *testing.T) {
	s, err := newServer(modeRaw, 1, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := openRooms(s); err != nil {
		t.Fatal(err)
	}
	if err := s.RunAsync(); err != nil {
		t.Fatal(err)
	}
	reg := registry.NewAdapting()
	if _, err := addUntyped(reg); err != nil {
		t.Fatal(err)
	}
	reg.MustAdd(append(roomRequests.Packets(), topicRequests.Packets()...)...)
	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: s.Reactor()})
	defer cli.Close()
	c, err := cli.Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := roomRequests.Join(t.Context(), c, "lobby"); err != nil {
		t.Error(err)
	}
	if err := topicRequests.Join(t.Context(), c, "px.>"); err != nil {
		t.Error(err)
	}
	if was, err := roomRequests.Leave(t.Context(), c, "lobby"); err != nil || !was {
		t.Errorf("leave: %v, %v", was, err)
	}
}
