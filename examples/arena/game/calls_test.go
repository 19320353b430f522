package game

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/rate"
)

// A thing is taken out of the bag, and what is not there is an error that says so.
func TestBag(t *testing.T) {
	w := newWorld(t)
	ann := w.join("ann", "red")
	for left := 1; left >= 0; left-- {
		if u, err := ask(ann, use, &Use{"potion"}); err != nil || u.Left != left {
			t.Fatalf("%v, %v with %d left", u, err, left)
		}
	}
	_, err := ask(ann, use, &Use{"potion"})
	if data, ok := missing.Data(err); !ok || data != (Missing{"potion", 1}) {
		t.Errorf("an empty bag: %v, %+v", err, data)
	}
	ann.cut()
	w.pass(time.Second)
	if u, err := ask(ann, use, &Use{"rope"}); err != nil || u.Left != 0 {
		t.Errorf("after a cut: %v, %v", u, err)
	}
}

// A player is asked before it is put into a room, and its no counts.
func TestNotReady(t *testing.T) {
	w := newWorld(t)
	asked := ""
	ann := w.joinAs(botConfig{name: "ann", room: "red", token: w.arena.key.token("ann"), ready: func(room string) bool {
		asked = room
		return room == "blue"
	}})
	if asked != "red" || len(ann.entries) != 1 || !errors.Is(ann.entries[0], notReady) {
		t.Errorf("asked about %q, entries %v", asked, ann.entries)
	}
	ann.wantPlaces()
	ann.walk(1, 1) // is dropped
	ann.says("hm") // too
	ann.wantLines()
	if place, err := ask(ann, enter, &Enter{"blue"}); err != nil || place.At.X != width/2 {
		t.Errorf("%v, %v", place, err)
	}
	ann.wantPlaces("1 at 0,0")
}

// A private line reaches one player by its name, in whatever room and though it be away.
func TestWhisper(t *testing.T) {
	w := newWorld(t)
	ann, bob, cid := w.join("ann", "red"), w.join("bob", "red"), w.join("cid", "blue")
	if _, err := ask(ann, whisper, &Whisper{"cid", "psst"}); err != nil {
		t.Fatal(err)
	}
	cid.wantLines("(ann: psst)")
	cid.cut()
	w.settle()
	if _, err := ask(ann, whisper, &Whisper{"cid", "are you there?"}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	cid.wantLines("(ann: are you there?)")
	ann.wantLines()
	bob.wantLines()
	if _, err := ask(bob, whisper, &Whisper{"zoe", "psst"}); !errors.Is(err, nobody) {
		t.Errorf("a whisper to nobody: %v", err)
	}
}

// Who whispers too much is told so by the call, and what was too much has not arrived.
func TestWhispersAreLimited(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "blue")
	var errs []error
	for range 4 {
		call.Go(ann.session.Conn(), whisper, &Whisper{"bob", "psst"}, 0, func(_ *Done, err error) { errs = append(errs, err) })
	}
	w.settle()
	if len(errs) != 4 || errors.Join(errs[:3]...) != nil || !errors.Is(errs[3], rate.ErrLimited) {
		t.Errorf("the calls ended with %v", errs)
	}
	bob.wantLines("(ann: psst)", "(ann: psst)", "(ann: psst)")
}
