package e2e

import (
	"slices"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/room/request"
)

// Clients ask to join a room and to subscribe to a topic, and hear what is said there.
func TestChat(t *testing.T) {
	type seen struct {
		A, B    []string
		Refused string
		Left    []bool
	}
	everywhere(t, "chat", func(t testing.TB) string {
		return listen(t, func(s *side) {
			all, news := room.New(s, nil), room.NewTopics(s, nil)
			request.ServeRooms(s, rooms, all, &request.Config{May: func(_ *call.Context, name string) error {
				if name != "lobby" {
					return request.ErrRefused
				}
				return nil
			}})
			request.ServeTopics(s, topics, news, &request.Config{May: func(*call.Context, string) error { return nil }})
			peer.Handle(s, line, func(c *peer.Conn, text *string) error {
				if err := room.Send(all.Room("lobby"), line, text); err != nil {
					return err
				}
				headline := "news: " + *text
				return room.Publish(news, "news.lobby", line, &headline)
			})
		})
	}, func(t *testing.T, got seen) {
		wantA := []string{"hello", "hello yourself"}
		wantB := []string{"hello", "news: hello", "hello yourself", "news: hello yourself"}
		if !slices.Equal(got.A, wantA) || !slices.Equal(got.B, wantB) {
			t.Errorf("they have heard %q and %q, want %q and %q", got.A, got.B, wantA, wantB)
		}
		if got.Refused != "refused" || !slices.Equal(got.Left, []bool{true, false}) {
			t.Errorf("the other room: %s; leaving twice: %v", got.Refused, got.Left)
		}
	})
}
