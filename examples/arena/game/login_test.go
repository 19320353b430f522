package game

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Who has no token of this arena is told so, and does not come back for more.
func TestLoginRefused(t *testing.T) {
	w := newWorld(t)
	for what, token := range map[string][]byte{
		"no token": nil, "no signature": []byte("ann"), "another arena's": key("other").token("ann"), "another name's": append([]byte("b"), w.arena.key.token("ann")...),
		"an empty name": w.arena.key.token(""),
	} {
		g := w.joinAs(botConfig{name: "ann", room: "red", token: token})
		var denied *peer.Denied
		if !errors.As(g.lost, &denied) || denied.Why != "who are you?" {
			t.Errorf("%s: the conn was lost with %v", what, g.lost)
		}
		w.pass(time.Second)
		if n := w.arena.NumConns(); n != 0 || len(g.entries) > 0 && g.entries[0] == nil {
			t.Errorf("%s: %d conns, entries %v", what, n, g.entries)
		}
	}
}

// A name is taken while its player is here, and while it is away, and free after that.
func TestLoginTaken(t *testing.T) {
	w := newWorld(t)
	ann := w.join("ann", "red")
	if other := w.join("ann", "red"); !errors.Is(other.session.Err(), session.ErrDenied) {
		t.Errorf("a second ann ended with %v", other.session.Err())
	}
	ann.session.End("enough")
	w.settle()
	if next := w.join("ann", "red"); next.session.Err() != nil || len(next.entries) != 1 || next.entries[0] != nil {
		t.Errorf("a later ann: %v, %v", next.session.Err(), next.entries)
	}
}

// A player who does not come back gives its name and its place free.
func TestAwayForTooLong(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.join("ann", "red"), w.join("bob", "red")
	ann.session.Conn().Close() // and so its client does not come back
	w.pass(away / 2)
	bob.wantPlaces("1 at 0,0", "2 at 0,0")
	w.pass(away)
	bob.wantPlaces("2 at 0,0")
	if len(w.arena.players) != 1 || len(w.arena.halls) != 1 {
		t.Errorf("%d players and %d halls are left", len(w.arena.players), len(w.arena.halls))
	}
	bob.session.End("")
	w.settle()
	if len(w.arena.players) != 0 || len(w.arena.halls) != 0 {
		t.Errorf("%d players and %d halls are left in the end", len(w.arena.players), len(w.arena.halls))
	}
}

// A conn that plays without a session is ended.
func TestNoSession(t *testing.T) {
	w := newWorld(t)
	var lost error
	cfg := botConfig{token: w.arena.key.token("ann")}
	pc := cfg.peerConfig(w.v.Reactor())
	pc.Reconnect = nil
	pc.OnMade = func(c *peer.Conn) { peer.Send(c, move, &Move{1, 1}) }
	pc.OnLost = func(_ *peer.Conn, reason error) { lost = reason }
	cli := peer.NewMemoryClient(w.arena.Registry(), pc)
	if err := cli.ConnectAsync(w.arena); err != nil {
		t.Fatal(err)
	}
	if w.pass(time.Second); lost != noSession {
		t.Errorf("the conn was lost with %v", lost)
	}
}
