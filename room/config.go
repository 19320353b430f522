package room

// Config: the settings of Rooms.

const (
	// DefaultMemberships is in how many rooms a member may be if Config.Memberships is 0.
	DefaultMemberships = 256

	// MaxName is how long the name of a room may be, in bytes.
	MaxName = 256
)

// Config has the settings of Rooms. The zero Config is fine.
type Config struct {
	// Memberships is in how many rooms a member may be. 0: DefaultMemberships. Joining and
	// leaving look through them, so that many cost time.
	Memberships int

	// Joined, if set, is called when a member has joined a room, on the member's loop,
	// exactly once for each time that it joins.
	Joined func(r Room, m Member)

	// Left, if set, is called when a member has left a room, after Joined, on the member's
	// loop, exactly once. reason is nil after Leave; at the member's end it is what
	// peer.Events.OnLost is told.
	Left func(r Room, m Member, reason error)
}

// limitOr is n, or fallback where n is not above zero.
func limitOr(n, fallback int) int {
	if n > 0 {
		return n
	}
	return fallback
}
