package game

import (
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

// hall is a room with the positions of the players in it, which all of them follow. It exists
// while there are some. Loop only.
type hall struct {
	room.Room
	positions *state.State[Pos]
	others    Others // nil: there are no other nodes
}

func newHall(r room.Room, hz float64, others Others) *hall {
	return &hall{r, state.New(r, pos, state.Hz(hz)), others}
}

// tell says something to everybody in the hall, those who are away for a moment included.
func (h *hall) tell(m *Said) error {
	if h.others != nil {
		return h.others.Tell(h.Name(), said, m)
	}
	return room.Send(h.Room, said, m)
}
