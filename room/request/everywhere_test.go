package request

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// On every transport clients join what they may, hear why they may not, get what is sent until
// they leave, and cannot leave twice.
func TestRequestsEverywhere(t *testing.T) {
	for _, waits := range []bool{false, true} {
		heard := make(chan string, 10)
		var rooms *room.Rooms
		var topics *room.Topics
		everywhere(t, func(w *world) {
			rooms, topics = room.New(w.Server, nil), room.NewTopics(w.Server, nil)
			ServeRooms(w.Server, lobbies, rooms, &Config{Waits: waits, May: func(_ *call.Context, name string) error {
				switch name {
				case "lobby":
					return nil
				case "closed":
					return closed
				case "full":
					return call.Errorf("come back later")
				}
				return ErrRefused
			}})
			ServeTopics(w.Server, prices, topics, &Config{Waits: waits, May: func(_ *call.Context, pattern string) error {
				if room.Covers("px.>", pattern) {
					return nil
				}
				return ErrRefused
			}})
			peer.Handle(w.Client, news, func(_ *peer.Conn, text *string) error { heard <- *text; return nil })
		}, func(t *testing.T, w *world) {
			ctx := t.Context()
			for name, want := range map[string]error{"lobby": nil, "closed": closed, "other": ErrRefused, "": ErrName} {
				if err := lobbies.Join(ctx, w.AtClient, name); !errors.Is(err, want) {
					t.Errorf("%q: %v, want %v", name, err, want)
				}
			}
			var told *call.Error
			if err := lobbies.Join(ctx, w.AtClient, "full"); !errors.As(err, &told) || told.Text() != "come back later" {
				t.Errorf("the client is told %v", err)
			}
			if err := lobbies.Join(ctx, w.AtClient, "lobby"); err != nil {
				t.Errorf("again: %v", err)
			}
			for pattern, want := range map[string]error{"px.eu.*": nil, "px.>": nil, ">": ErrRefused, "px..eu": ErrName} {
				if err := prices.Join(ctx, w.AtClient, pattern); !errors.Is(err, want) {
					t.Errorf("%q: %v, want %v", pattern, err, want)
				}
			}
			text := "in the lobby"
			if err := room.Send(rooms.Room("lobby"), news, &text); err != nil {
				t.Fatal(err)
			}
			text = "of the bund"
			if err := room.Publish(topics, "px.eu.bund", news, &text); err != nil {
				t.Fatal(err)
			}
			if a, b := wait(t, "packet", heard), wait(t, "packet", heard); a != "in the lobby" || b != "of the bund" {
				t.Errorf("the client hears %q and %q", a, b)
			}
			for _, want := range []bool{true, false} {
				if was, err := lobbies.Leave(ctx, w.AtClient, "lobby"); err != nil || was != want {
					t.Errorf("leave: %v, %v, want %v", was, err, want)
				}
				if was, err := prices.Leave(ctx, w.AtClient, "px.>"); err != nil || was != want {
					t.Errorf("unsubscribe: %v, %v, want %v", was, err, want)
				}
			}
			if a, b := rooms.Stats().Memberships, topics.Stats().Memberships; a != 0 || b != 1 {
				t.Errorf("in %d rooms and %d topics", a, b)
			}
		})
	}
}
