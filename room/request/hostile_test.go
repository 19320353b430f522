package request

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/room"
)

// A client that asks for thousands of rooms and topics is in as many as it may be, takes no more
// memory for the rest, and leaves nothing behind.
func TestAFloodOfJoinsIsBounded(t *testing.T) {
	const asked, most = 5000, 32
	var rooms *room.Rooms
	var topics *room.Topics
	w := couple(t, func(w *world) {
		none := rate.Limit{PerSecond: math.Inf(1)}
		rooms, topics = room.New(w.Server, &room.Config{Memberships: most}), room.NewTopics(w.Server, &room.TopicsConfig{Subscriptions: most})
		ServeRooms(w.Server, lobbies, rooms, &Config{May: everything, Rate: none})
		ServeTopics(w.Server, prices, topics, &Config{May: everything, Rate: none})
	})
	tooMany := 0
	for i := range asked {
		for _, r := range []Request{lobbies, prices} {
			switch err := r.Join(t.Context(), w.AtClient, fmt.Sprintf("%s.%d", strings.Repeat("a.", 10)+"b", i)); {
			case errors.Is(err, ErrTooMany):
				tooMany++
			case err != nil:
				t.Fatal(err)
			}
		}
	}
	if want := 2 * (asked - most); tooMany != want {
		t.Errorf("%d of the requests were too many, want %d", tooMany, want)
	}
	for name, s := range map[string]room.Stats{"rooms": rooms.Stats(), "topics": topics.Stats()} {
		if s.Sets != most || s.Memberships != most || s.Members != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	w.AtClient.Close()
	eventually(t, "all is gone", func() bool {
		a, b := rooms.Stats(), topics.Stats()
		return a.Sets+a.Memberships+a.Members+b.Sets+b.Memberships+b.Members == 0
	})
}

// A name that is longer than any can be ends the conn before it is decoded, and a packet that is
// no request does too. Others are told that the name is wrong.
func TestNamesThatCanBeNone(t *testing.T) {
	for name, test := range map[string]struct {
		payload []byte
		want    error
	}{
		"a long name": {append([]byte{0x93, 1, 0, 0xda, 0x10, 0}, strings.Repeat("x", 1<<12)...), peer.ReasonPayload},
		"a number":    {[]byte{0x93, 1, 0, 7}, peer.ReasonPayload},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			unbounded := call.Define[string, bool]("test:rooms.join", 40) // as a client has it that keeps no bound
			client := peertest.NewSide(true, unbounded.Packets()...)
			client.Reg.MustAdd(append(lobbies.leave.Packets(), append(prices.Packets(), news)...)...)
			w := peertest.OverMemory(false)(t, newSide(false), client, func(w *world) {
				ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{May: everything})
			})
			lost := make(chan error, 1)
			w.AtServer.OnLost(func(reason error) { lost <- reason })
			if err := w.AtClient.SendRaw(unbounded.Request().In(client.Reg), test.payload); err != nil {
				t.Fatal(err)
			}
			if reason := wait(t, "end", lost); !errors.Is(reason, test.want) {
				t.Errorf("the conn ended with %v", reason)
			}
		})
	}
	w := couple(t, func(w *world) {
		ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{May: everything})
	})
	if err := lobbies.Join(t.Context(), w.AtClient, strings.Repeat("x", room.MaxName+1)); !errors.Is(err, ErrName) {
		t.Errorf("a name of one byte too many: %v", err)
	}
	if err := lobbies.Join(t.Context(), w.AtClient, strings.Repeat("x", room.MaxName)); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}
