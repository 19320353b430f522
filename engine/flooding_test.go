//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"testing"
	"time"
)

// floodingAlone is what a loop knows of floods, without the loop, on a manual clock.
func floodingAlone() *flooding {
	f := newFlooding(&clock{manual: true}, new(inbox))
	f.clock.advance(time.Second)
	f.inbox.setWake(func() {})
	f.set = -1 // one that no socket can be taken out of
	return &f
}

// A round is long once it has handled long input for its time, and the next one is not.
func TestFloodingFindsLongRounds(t *testing.T) {
	f := floodingAlone()
	if f.roundIsLong(false) {
		t.Error("a round is long that begins")
	}
	if f.clock.advance(roundTime); f.roundIsLong(true) {
		t.Error("a round is long that has taken its time, and no more")
	}
	if f.clock.advance(1); !f.roundIsLong(true) {
		t.Error("a round is not long that has taken more than its time")
	}
	if !f.inbox.waking {
		t.Error("nobody tells the end of the round")
	}
	if !f.roundIsLong(false) {
		t.Error("a long round is not long for the socket after that")
	}
	f.roundEnded()
	if f.roundIsLong(false) {
		t.Error("the round after it is long when it begins")
	}
}

// Where a socket cannot wait, no round is long, however long it is.
func TestFloodingWithoutAPlaceToWait(t *testing.T) {
	for name, change := range map[string]func(f *flooding){
		"no set":           func(f *flooding) { f.set = 0 },
		"too many sockets": func(f *flooding) { f.paused = maxPaused },
	} {
		f := floodingAlone()
		change(f)
		for range 3 {
			if f.roundIsLong(false) {
				t.Errorf("%s: a round is long", name)
			}
			f.clock.advance(2 * roundTime)
		}
	}
}
