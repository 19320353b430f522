package room

import (
	"slices"
	"testing"
)

// watch has an observer of the room note what it is told.
func (h *hall) watch(r Room, told *[]string) (stop func()) {
	return r.Observe(Observer{
		Joined: func(m Member) { *told = append(*told, "+"+h.names[m]) },
		Left:   func(m Member, reason error) { *told = append(*told, "-"+h.names[m]) },
	})
}

// An observer hears of those who are there, and of those who come and go, each once.
func TestAnObserverHearsWhoIsThereAndWhoComesAndGoes(t *testing.T) {
	h := newHall(t, Config{})
	a, b := h.enter("a"), h.enter("b")
	lobby, other := h.rooms.Room("lobby"), h.rooms.Room("other")
	join(t, lobby, a)
	var told []string
	stop := h.watch(lobby, &told)
	join(t, other, a, b)
	join(t, lobby, b)
	lobby.Leave(a)
	h.settle()
	join(t, lobby, a)
	a.Abort(nil)
	h.settle()
	stop()
	lobby.Leave(b)
	h.settle()
	slices.Sort(told)
	if want := []string{"+a", "+a", "+b", "-a", "-a"}; !slices.Equal(told, want) {
		t.Errorf("the observer was told %q, want %q", told, want)
	}
	if n := len(h.rooms.observers); n != 0 {
		t.Errorf("%d rooms are observed after the end", n)
	}
}

// The program is told of each join once, however many observers come later.
func TestALateObserverTellsTheProgramNothing(t *testing.T) {
	h := newHall(t, Config{})
	a := h.enter("a")
	join(t, h.rooms.Room("lobby"), a)
	var told []string
	h.watch(h.rooms.Room("lobby"), &told)
	h.watch(h.rooms.Room("lobby"), &told)
	h.wantTold("a joined lobby")
	if len(told) != 2 {
		t.Errorf("two observers were told %q", told)
	}
}

// Rooms without functions of the program have observers too.
func TestObserversNeedNoFunctionsOfTheProgram(t *testing.T) {
	h := newHall(t, Config{})
	h.rooms = New(h.server, nil)
	a := h.enter("a")
	var told []string
	h.watch(h.rooms.Room("lobby"), &told)
	join(t, h.rooms.Room("lobby"), a)
	h.rooms.Room("lobby").Leave(a)
	h.settle()
	if want := []string{"+a", "-a"}; !slices.Equal(told, want) {
		t.Errorf("the observer was told %q, want %q", told, want)
	}
}

func TestTheZeroRoomHasNoObservers(t *testing.T) {
	var r Room
	r.Observe(Observer{})()
	if r.Peer() != nil {
		t.Error("the zero Room has a peer")
	}
}
