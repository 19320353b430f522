package trial

// What users and nodes send each other.

import "github.com/packetmq/packetmq/registry"

// Post is what a user asks its node to send on, to a user or to a room.
type Post struct {
	To     string // user or room
	IsRoom bool
	N      uint64 // of the packets of this user to that target, from 1
	Life   int    // of the sender: how many sessions it has had
	At     int64  // when it was sent, in nanoseconds on the clock of the users' process
	Filler []byte
}

// Note is a Post as its receiver gets it.
type Note struct {
	From string
	Post
}

// Refused tells a user that its node could not send a Post on.
type Refused struct {
	To     string
	IsRoom bool
	N      uint64
	Why    string
}

var (
	post    = registry.Define[Post]("trial:post", 40)
	note    = registry.Define[Note]("trial:note", 41)
	refused = registry.Define[Refused]("trial:refused", 42)
)

// withPackets adds the packets to a registry.
func withPackets(reg *registry.Registry) *registry.Registry {
	reg.MustAdd(post, note, refused)
	return reg
}
