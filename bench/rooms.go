package bench

// Rooms and topics of a server, which its clients join and leave as they like.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/room/request"
)

// The requests, whose ids are 20 to 27.
var (
	roomRequests  = request.Define("bench:rooms", 20)
	topicRequests = request.Define("bench:topics", 24)
)

// openRooms has the server let everybody join everything, within the default bounds.
func openRooms(s *peer.Server) error {
	if err := s.Registry().Add(append(roomRequests.Packets(), topicRequests.Packets()...)...); err != nil {
		return err
	}
	open := &request.Config{May: func(*call.Context, string) error { return nil }}
	request.ServeRooms(s, roomRequests, room.New(s, nil), open)
	request.ServeTopics(s, topicRequests, room.NewTopics(s, nil), open)
	return nil
}
