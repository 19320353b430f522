package room

import (
	"fmt"
	"testing"
)

// A Send allocates as much as peer.Encode does, however many members there are.
func TestSendAllocatesNothingForAMember(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	perSend := func(members int) float64 {
		h := newHall(t, Config{})
		lobby := h.rooms.Room("lobby")
		var first Member
		for i := range members {
			c := h.enter(fmt.Sprint(i))
			join(t, lobby, c)
			first = c
			h.ends[fmt.Sprint(i)].PauseRead() // what clients do is not counted
		}
		n := &note{1}
		for range 1000 {
			Send(lobby, news, n, Except(first))
		}
		return testing.AllocsPerRun(200, func() { Send(lobby, news, n, Except(first)) })
	}
	few, many := perSend(1), perSend(50)
	t.Logf("%v objects for one member, %v for 50", few, many)
	if few > 4 || many > few+1 { // queues grow
		t.Errorf("a Send to one member allocates %v objects, to 50 members %v", few, many)
	}
}
