package peer

// The states of a conn.

import "fmt"

// State is how far a conn is in its life.
type State uint8

// The states, in the order in which a conn passes them. A conn that skips the
// handshake starts in Active; a conn that breaks goes to Disconnected from any.
const (
	ConnMade     State = iota // connected; handshake_init is on its way
	IDCheck                   // versions agree; handshake_pubids is on its way
	Active                    // packets may be sent and received
	Softquitted               // this side or the other has ended the conversation
	Disconnected              // the transport is gone
)

func (s State) String() string {
	switch s {
	case ConnMade:
		return "connMade"
	case IDCheck:
		return "idcheck"
	case Active:
		return "active"
	case Softquitted:
		return "softquitted"
	case Disconnected:
		return "disconnected"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}
