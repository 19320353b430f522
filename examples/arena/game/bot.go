package game

// Bots: players that play by themselves. A bot is a client like that of a person.

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
	"github.com/packetmq/packetmq/state"
)

// talk is how many steps a bot makes, on average, before it says something.
const talk = 400

// bot is a player that walks about in a room, and talks at times. All of it runs on the loop
// of its conn.
type bot struct {
	botConfig
	session *session.Session
	others  *state.Mirror[Pos] // where everybody in the room is, the bot included
	rng     *rand.Rand
	steps   *engine.Timer // nil: it has not entered the room
	dx, dy  int           // where it walks to
	stepped bool          // since the timer came last
	last    time.Duration // when the last snapshot came
}

// botConfig is how a bot is set up.
type botConfig struct {
	name, room string
	token      []byte
	hz         float64 // how often snapshots come
	still      bool    // it does not walk by itself
	seed       uint64
	snapshot   func(distance time.Duration) // nil: it does not measure how far apart snapshots come
	ready      func(string) bool            // what it says when it is asked whether it is ready for a room; nil: yes
	heard      func(m *Said)                // nil: it does not listen
	entered    func(err error)              // told nil when it is let in, else why not, and why its session has ended; nil: nobody is told
}

// peerConfig is for the bot's client.
func (b *botConfig) peerConfig(r *engine.Reactor) *peer.Config {
	return &peer.Config{
		Reactor:   r,
		Reconnect: &peer.Backoff{Max: 5 * time.Second}, // well before its place is gone
		Identity:  peer.Identity{Token: func(*peer.Conn) []byte { return b.token }},
	}
}

// newBot makes a bot of a client, which has no conn yet. It plays when one is made over its
// session.
func newBot(h peer.Host, cfg botConfig) *bot {
	b := &bot{botConfig: cfg, rng: rand.New(rand.NewPCG(cfg.seed, 0))}
	peer.Handle(h, said, b.onSaid)
	call.Handle(h, ready, b.onReady)
	b.others = state.NewMirror(h, pos, &state.MirrorConfig[Pos]{Set: b.onPos})
	b.session = session.New(h, &session.Config{Away: away, OnNew: b.enter, OnBack: b.onBack, OnEnd: b.onEnd})
	return b
}

// enter asks to be put into the room.
func (b *bot) enter(s *session.Session) {
	c := s.Conn()
	call.Go(c, enter, &Enter{b.room}, 0, func(_ *Place, err error) {
		if err != nil && c.State() != peer.Active {
			return // onBack asks again, or onEnd tells
		}
		if err == nil && b.steps == nil {
			b.steps = s.Loop().Every(time.Duration(2*float64(time.Second)/b.hz), b.stepIfStill)
		}
		b.tell(err)
	})
}

// onBack asks again if the conn was lost before there was an answer.
func (b *bot) onBack(s *session.Session, _ time.Duration) {
	if b.steps == nil {
		b.enter(s)
	}
}

func (b *bot) onEnd(_ *session.Session, reason error, _ []session.Packet) {
	if b.steps != nil {
		b.steps.Stop()
	}
	b.tell(reason)
}

func (b *bot) tell(err error) {
	if b.entered != nil {
		b.entered(err)
	}
}

// stepIfStill has the bot walk on though nobody moves, so that no snapshot comes.
func (b *bot) stepIfStill() {
	if !b.stepped && !b.still {
		b.step()
	}
	b.stepped = false
}

// step walks on, mostly in the same direction, and says something at times. While the bot has
// no conn it stands still: nobody would see it walk.
func (b *bot) step() {
	c := b.session.Conn()
	if c == nil {
		return
	}
	if b.dx == 0 && b.dy == 0 || b.rng.IntN(20) == 0 {
		b.dx, b.dy = b.rng.IntN(2*stride+1)-stride, b.rng.IntN(2*stride+1)-stride
	}
	peer.Reply(c, move, &Move{b.dx, b.dy}) // an error says that the conn is ending
	if b.rng.IntN(talk) == 0 {
		b.say(fmt.Sprintf("I see %d of us", b.others.Len()))
	}
}

// say says something to the room. It arrives once, though the conn be lost.
func (b *bot) say(text string) error { return session.Send(b.session, say, &Say{text}) }

func (b *bot) onSaid(_ *peer.Conn, m *Said) error {
	if b.heard != nil {
		b.heard(m)
	}
	return nil
}

func (b *bot) onReady(_ *call.Context, q *Question) (*Reply, error) {
	return &Reply{b.ready == nil || b.ready(q.Room)}, nil
}

// onPos is called for each position that comes. Those of one snapshot come together. The bot
// walks on with each snapshot: its move leaves together with the mirror's acknowledgement, in
// one write, where a timer of its own would make two.
func (b *bot) onPos(c *peer.Conn, _ *Pos) {
	now := c.Loop().Time()
	if now-b.last < together {
		return
	}
	if b.last > 0 && b.snapshot != nil {
		b.snapshot(now - b.last)
	}
	b.last = now
	if b.steps != nil && !b.still {
		b.stepped = true
		b.step()
	}
}
