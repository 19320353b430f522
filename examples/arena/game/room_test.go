package game

import (
	"errors"
	"testing"
	"time"
)

// Movement reaches the others in the room, and nobody else.
func TestMovement(t *testing.T) {
	w := newWorld(t)
	ann, bob, cid := w.join("ann", "red"), w.join("bob", "red"), w.join("cid", "blue")
	ann.walk(1, -2)
	ann.walk(3, 0)
	bob.walk(5, 5)
	ann.wantPlaces("1 at 4,-2", "2 at 5,5")
	bob.wantPlaces("1 at 4,-2", "2 at 5,5")
	cid.wantPlaces("3 at 0,0")
}

// The arena decides where players are: nobody runs, or leaves the room through a wall.
func TestMovementIsBounded(t *testing.T) {
	w := newWorld(t)
	ann := w.join("ann", "red")
	ann.walk(1000, -1000)
	ann.wantPlaces("1 at 10,-10")
	for range 100 {
		ann.walk(stride, 0)
		w.pass(50 * time.Millisecond)
	}
	ann.wantPlaces("1 at 500,-10")
}

// Of more moves than twenty a second at most twice as many count.
func TestMovesAreLimited(t *testing.T) {
	w := newWorld(t)
	ann := w.join("ann", "red")
	for range 100 {
		ann.walk(1, 0)
	}
	ann.wantPlaces("1 at 40,0")
}

// Bots that walk by themselves are seen where they are, and the same seeds walk the same way.
func TestBotsWalk(t *testing.T) {
	var ways [2]Pos
	for i := range ways {
		w := newWorld(t)
		w.walking = true
		bob, ann := w.join("bob", "red"), w.join("ann", "red")
		w.pass(3 * time.Second)
		if n := w.arena.handled; n < 2*3*testHz || n > 2*4*testHz {
			t.Errorf("%d packets came in 3 s", n)
		}
		for _, g := range []*guest{bob, ann} {
			g.still = true
		}
		w.pass(100 * time.Millisecond)
		ways[i], _ = bob.others.Get(2)
		if at := w.arena.players["ann"].at; ways[i] != at || at.X == width/2 {
			t.Errorf("bob sees ann at %v, and she is at %v", ways[i], at)
		}
	}
	if ways[0] != ways[1] {
		t.Errorf("ann walked to %v and to %v", ways[0], ways[1])
	}
}

// Chat goes to the room, the speaker included, in order.
func TestChat(t *testing.T) {
	w := newWorld(t)
	ann, bob, cid := w.join("ann", "red"), w.join("bob", "red"), w.join("cid", "blue")
	ann.says("hello")
	bob.says("who is there?")
	ann.says("it is me")
	for _, g := range []*guest{ann, bob} {
		g.wantLines("ann: hello", "bob: who is there?", "ann: it is me")
	}
	cid.wantLines()
}

// Who says too much is told, and the others do not hear it.
func TestChatIsLimited(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "red")
	for _, text := range []string{"a", "b", "c", "d"} {
		ann.says(text)
	}
	ann.wantLines("ann: a", "ann: b", "ann: c", "(arena: not so fast)")
	w.pass(2 * time.Second)
	ann.says("e")
	bob.wantLines("ann: a", "ann: b", "ann: c", "ann: e")
}

// The others are told who comes and goes.
func TestComingAndGoing(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "red")
	bob.session.End("")
	w.settle()
	want := []string{"arena: ann is here", "arena: bob is here", "arena: bob has left"}
	if got := ann.lines; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("ann was told %q", got)
	}
}

// A player may go from one room into another, and sees what is there.
func TestChangeOfRooms(t *testing.T) {
	w := newWorld(t)
	ann, bob, cid := w.join("ann", "red"), w.join("bob", "red"), w.join("cid", "blue")
	if _, err := ask(bob, enter, &Enter{"blue"}); err != nil {
		t.Fatal(err)
	}
	ann.wantPlaces("1 at 0,0")
	bob.wantPlaces("2 at 0,0", "3 at 0,0")
	cid.wantPlaces("2 at 0,0", "3 at 0,0")
}

// A room has so many seats and no more.
func TestARoomIsFull(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ann", "bob", "cid"} {
		w.join(name, "red")
	}
	if dan := w.join("dan", "red"); len(dan.entries) != 1 || !errors.Is(dan.entries[0], full) {
		t.Errorf("dan's entries: %v", dan.entries)
	}
}
