package main

import (
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

// hall is a room with the positions of the players in it, which all of them follow. It exists
// while there are some. Loop only.
type hall struct {
	room.Room
	positions *state.State[Pos]
}

func newHall(r room.Room, hz float64) *hall {
	return &hall{r, state.New(r, pos, state.Hz(hz))}
}

// tell says something to everybody in the hall, those who are away for a moment included.
func (h *hall) tell(m *Said) error { return room.Send(h.Room, said, m) }
