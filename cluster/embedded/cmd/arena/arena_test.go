//go:build unix

package main

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/examples/arena/game"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Bots of two nodes are in one room. Those of a node that is killed come back at the other one,
// and the node may come back too.
func TestBotsComeBackAtTheOtherNode(t *testing.T) {
	t.Setenv("ARENA_NODES", t.TempDir())
	a := start(t, "-node", "a", "-bots", "5", "-rooms", "1")
	b := start(t, "-node", "b", "-join", "a", "-bots", "5", "-rooms", "1")
	for _, p := range []*process{a, b} {
		p.waitFor(`^5 players at other nodes, a bot here sees up to 10; 5 players in 1 rooms`)
	}
	a.kill()
	b.waitFor(`^0 players at other nodes, a bot here sees up to 10; 10 players in 1 rooms`)
	again := start(t, "-node", "a", "-join", "b", "-bots", "0")
	again.waitFor(`^10 players at other nodes`)
}

// Players of two nodes see and hear each other. One whose node is killed comes back at the other
// one, to the place where the others have seen it last.
func TestPlayersOfTwoNodes(t *testing.T) {
	t.Setenv("ARENA_NODES", t.TempDir())
	a := start(t, "-node", "a", "-bots", "0")
	b := start(t, "-node", "b", "-join", "a", "-bots", "0")
	ann, bob := join(t, "ann", a), join(t, "bob", b)
	ann.seesAt(bob.at)
	bob.seesAt(ann.at)
	if err := peer.Send(ann.Conn(), move, &game.Move{DX: 7, DY: -3}); err != nil {
		t.Fatal(err)
	}
	moved := game.Pos{ID: ann.at.ID, X: ann.at.X + 7, Y: ann.at.Y - 3}
	bob.seesAt(moved)
	if err := session.Send(ann.Session, say, &game.Say{Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*player{ann, bob} {
		p.hears(game.Said{From: "ann", Text: "hello"})
	}
	if _, err := call.Do(t.Context(), bob.Conn(), whisper, &game.Whisper{To: "ann", Text: "psst"}); err != nil {
		t.Fatal(err)
	}
	ann.hears(game.Said{From: "bob", Text: "psst", Private: true})
	if _, err := call.Do(t.Context(), bob.Conn(), whisper, &game.Whisper{To: "zoe", Text: "psst"}); err == nil {
		t.Error("a whisper to nobody was sent")
	}
	a.kill()
	ann = join(t, "ann", b)
	for _, p := range []*player{ann, bob} {
		p.seesAt(moved)
		p.seesAt(bob.at)
	}
	if err := session.Send(bob.Session, say, &game.Say{Text: "there you are"}); err != nil {
		t.Fatal(err)
	}
	ann.hears(game.Said{From: "bob", Text: "there you are"})
}

// Who logs in at another node ends the login before.
func TestLaterLoginWins(t *testing.T) {
	t.Setenv("ARENA_NODES", t.TempDir())
	a := start(t, "-node", "a", "-bots", "0")
	b := start(t, "-node", "b", "-join", "a", "-bots", "0")
	first := join(t, "ann", a)
	bob := join(t, "bob", b)
	bob.seesAt(first.at)
	join(t, "ann", b)
	if err := await.Value(t, "end of the login before", first.ends); !errors.Is(err, cluster.ReasonElsewhere) {
		t.Errorf("it ended with %v", err)
	}
}
