package game

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/session"
)

// A bot that loses its conn comes back to its place, and misses no line.
func TestBackInPlace(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "red")
	ann.walk(3, 4)
	w.pass(100 * time.Millisecond)
	ann.cut()
	w.settle()
	if !ann.session.Away() {
		t.Fatal("ann has a conn")
	}
	bob.says("where is ann?")
	ann.says("I am gone") // waits for the conn
	bob.walk(1, 1)
	bob.wantLines("bob: where is ann?")
	w.pass(time.Second)
	if ann.session.Away() {
		t.Fatal("ann has not come back")
	}
	ann.wantLines("bob: where is ann?", "ann: I am gone")
	bob.wantLines("ann: I am gone")
	ann.wantPlaces("1 at 3,4", "2 at 1,1")
	ann.walk(1, 0)
	bob.wantPlaces("1 at 4,4", "2 at 1,1")
	if len(ann.entries) != 1 {
		t.Errorf("ann has entered %d times", len(ann.entries))
	}
}

// No cut costs a line, however many there are, and whoever is cut.
func TestManyCuts(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "red")
	var want []string
	for i := range 10 {
		text := string(rune('a' + i))
		want = append(want, "ann: "+text)
		ann.says(text)
		if g := []*guest{ann, bob}[i%2]; !w.arena.players[g.name].session.Away() {
			g.cut()
		}
		w.pass(6 * time.Second) // as long as the longest wait, and so that no line is one too many
	}
	w.pass(10 * time.Second)
	ann.wantLines(want...)
	bob.wantLines(want...)
}

// A session is its player's: who comes back for it as somebody else is refused.
func TestBackAsAnother(t *testing.T) {
	w := newWorld(t)
	ann := w.join("ann", "red")
	ann.client.token = w.arena.key.token("bob")
	ann.cut()
	w.pass(time.Second)
	if err := ann.session.Err(); !errors.Is(err, session.ErrDenied) {
		t.Errorf("the session has ended with %v", err)
	}
}

// A bot that was cut before it was let into its room asks again.
func TestCutWhileEntering(t *testing.T) {
	w := newWorld(t)
	var ann *guest
	cut := false
	ann = w.joinAs(botConfig{name: "ann", room: "red", token: w.arena.key.token("ann"), ready: func(string) bool {
		if !cut {
			cut = true
			for _, p := range w.arena.players {
				p.session.Conn().Abort(errCut)
			}
		}
		return true
	}})
	w.pass(time.Second)
	ann.wantPlaces("1 at 0,0")
	if !cut {
		t.Error("ann was not cut")
	}
	if n := len(ann.entries); n != 1 || ann.entries[0] != nil {
		t.Errorf("ann's entries: %v", ann.entries)
	}
}
