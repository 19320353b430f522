package cluster

// The players of the simulation: clients with sessions, which come to whatever host.

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// simPlayer is a client that has one session after the other.
type simPlayer struct {
	w       *simWorld
	name    string
	virtual *engine.Virtual
	cli     *peer.Client
	talk    *simTalk
	next    atomic.Pointer[simHost] // to which a conn is being made; nil: none is
	far     *peer.Conn              // as that host has it
	came    []*simHost              // to which conns were made, the last ones
}

// simAt is the host to which a player's conn was made.
var simAt = peer.NewSlot[*simHost]()

// simSpoken is a packet of a session: the client counts those that it sends, and so does each leg.
type simSpoken struct{ Talk, Leg, N int }

var simSpoke = registry.Define[simSpoken]("sim:spoke", 44)

// simCave is the room that all players are in.
const simCave = "cave"

var errSimCut = errors.New("sim: the player's conn is cut")

// addPlayers adds the players to a world that begins.
func (w *simWorld) addPlayers() {
	if w.Chance(50) || w.sabotage == simCopyLost {
		w.shelf = newSimShelf(w)
	}
	players := w.IntN(4)
	switch {
	case w.sabotage >= simStatePast:
		players = 3
	case w.sabotage != simNone: // which has nothing to do with players
		players = 0
	}
	for range players {
		p := &simPlayer{w: w, name: fmt.Sprint("player", len(w.players)), virtual: simtest.Pick(w.World, w.Hosts)}
		reg := registry.NewAdapting()
		reg.MustAdd(simNoted, simSpoke)
		reg.MustAdd(simAsked.Packets()...)
		p.cli = peer.NewClient(reg, &peer.Config{Reactor: p.virtual.Reactor(), Events: peer.Events{OnMade: p.made}})
		peer.Handle(p.cli, simSpoke, p.heard)
		w.players = append(w.players, p)
		p.begin()
	}
}

func (w *simWorld) closePlayers() {
	for _, p := range w.players {
		p.talk.closing = true
		p.cli.Close()
	}
}

// flowPlayers has the players and the store do what can be done now.
func (w *simWorld) flowPlayers() {
	if len(w.players) == 0 {
		return
	}
	w.shelf.serve()
	for _, v := range w.Hosts {
		settleVirtual(v)
	}
}

// begin begins a session.
func (p *simPlayer) begin() {
	t := &simTalk{player: p, number: len(p.w.talks)}
	t.user = fmt.Sprint(p.name, "-", t.number) // no other session's: which of two logins is later depends on clocks that are wrong
	p.w.talks = append(p.w.talks, t)
	t.leg(nil, simState{}) // nothing came in it: those of hosts follow
	cfg := p.w.talkConfig()
	cfg.OnEnd = t.clientEnded
	t.client = session.New(p.cli, &cfg)
	p.talk = t
}

// talkConfig has settings for one side of a session.
func (w *simWorld) talkConfig() session.Config {
	return session.Config{
		Packets: 10 + w.IntN(60), AckPackets: 1 + w.IntN(30), Away: time.Hour,
		AckEvery: simtest.Pick(w.World, []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second}),
	}
}

// act has a player do one thing.
func (p *simPlayer) act() {
	h := simtest.Pick(p.w.World, p.w.hosts)
	switch k := p.w.IntN(100); {
	case p.talk.over:
		p.begin()
	case k < 30 && p.talk.client.Away(), k < 5:
		p.come(h)
	case k < 10:
		if c := p.talk.client.Conn(); c != nil {
			c.Abort(errSimCut)
		}
	case k < 60:
		p.talk.say()
	case k < 98:
		p.talk.answer()
	case k < 99:
		p.talk.leaving = true
		p.talk.client.End("sim.over")
	default:
		settleVirtual(p.virtual)
	}
}

// come has a new conn to a host claim the session.
func (p *simPlayer) come(h *simHost) {
	if p.next.Load() != nil {
		return
	}
	near, far := memconn.Pair(p.virtual.Reactor().Buffers(), h.virtual.Reactor().Buffers())
	c, err := h.srv.Attach(far, nil)
	if err != nil {
		return // it drains
	}
	p.came = append(p.came[max(0, len(p.came)-2):], h)
	p.next.Store(h)
	p.far = c
	p.w.Note("come %d %d", h.number, p.talk.number)
	patience := simtest.Pick(p.w.World, []time.Duration{20 * time.Millisecond, time.Second})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := p.cli.Attach(ctx, near, p.virtual.Reactor().Loops()[0]); err != nil {
			p.next.Store(nil)
		}
	}()
	synctest.Wait()
	settleVirtual(p.virtual)
	if !h.isPaused() {
		h.settle()
		settleVirtual(p.virtual)
	}
}

// made has a conn claim the session.
func (p *simPlayer) made(c *peer.Conn) {
	h := p.next.Swap(nil)
	simAt.Set(c, h)
	h.coming[p.far] = p.talk
	if p.talk.client.Carry(c) != nil {
		c.Abort(errSimCut)
	}
}

// at is the host where the player's session is, as far as he knows; nil: it is away.
func (p *simPlayer) at() *simHost {
	h, _ := simAt.Get(p.talk.client.Conn())
	return h
}

// cutPlayers cuts the conns of the players with a process that vanishes.
func (h *simHost) cutPlayers() {
	for _, p := range h.w.players {
		for c := range p.cli.Conns() {
			if at, _ := simAt.Get(c); at == h {
				c.Abort(errSimCut)
			}
		}
		settleVirtual(p.virtual)
	}
}

// heard is that a packet came to a player.
func (p *simPlayer) heard(c *peer.Conn, v *simSpoken) error {
	t := p.w.talks[v.Talk]
	if session.Of(c) != t.client {
		p.w.Fail("a packet of another session came to %s", p.name)
		return nil
	}
	t.heard(v.Leg, v.N)
	return nil
}

// gather has all players come back, now that nothing goes wrong any more, and waits until all
// that was sent in their sessions has come.
func (w *simWorld) gather() {
	why := ""
	for range 120 {
		if w.Failure != "" || len(w.hosts) == 0 {
			return
		}
		if why = w.apart(); why == "" {
			return
		}
		for _, p := range w.players {
			if !p.talk.over && p.talk.client.Away() {
				p.come(simtest.Pick(w.World, w.hosts))
			}
		}
		w.pass(200 * time.Millisecond)
	}
	w.Fail("in peace %s", why)
}

// apart says what is not so yet that must become so in peace.
func (w *simWorld) apart() string {
	for _, p := range w.players {
		if p.talk.over {
			continue
		}
		if why := p.talk.unsettled(); why != "" {
			return why
		}
		for _, h := range w.hosts {
			if got := h.Where(p.talk.user); got != p.at().Name() {
				return fmt.Sprintf("%s is at %s, and %s says %q", p.name, p.at().Name(), h.Name(), got)
			}
		}
	}
	return ""
}
