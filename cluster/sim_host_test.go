package cluster

// The hosts of the simulation: each is a process with a node, its server, and clients that are
// users.

import (
	"context"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// simHost is a process.
type simHost struct {
	*Node
	w       *simWorld
	number  int // of all processes
	machine int // on which processes of one name run one after the other
	plug    *simPlug
	virtual *engine.Virtual
	srv     *peer.Server
	folk    *peer.Client // the clients, which live here as well, for simplicity
	places  []*simPlace
	paused  time.Duration // until then it does nothing; 0: it goes on
	over    bool

	sessions *session.Sessions
	coming   map[*peer.Conn]*simTalk // whose clients have made these conns
	parts    []*simPart              // of sessions that were here
	drain    *simDrain               // nil: it does not drain

	up     map[string]bool
	upAt   map[string]time.Duration // when that was told last
	downs  map[string]int           // how often OnDown was called
	missed map[string]int           // by user
	inside map[[3]string]int        // room, user, node: how many are there, as the program was told
	lastOf map[int]int              // the last packet to this node, by the process that sent it
}

// simPlace is a client of a host, as whom a user may be bound.
type simPlace struct {
	host    *simHost
	near    *peer.Conn // the client's
	far     *peer.Conn // the server's
	user    string     // "": none
	stamp   uint64
	rooms   map[string]bool
	leaving bool // it has said so
	reason  error
	ended   bool
	last    map[simFlow]int
	quits   []simQuit
}

// simQuit is that a client has left a room after so many packets were sent.
type simQuit struct {
	room string
	sent int
}

// quit reports whether a client has left a room since a packet was sent.
func (p *simPlace) quit(room string, index int) bool {
	return slices.ContainsFunc(p.quits, func(q simQuit) bool { return q.room == room && q.sent > index })
}

// simFlow is all that one process sends to one target.
type simFlow struct {
	from int
	to   string
}

// simNote is the packet that everybody sends.
type simNote struct{ Index int } // into the world's sends

var (
	simNoted = registry.Define[simNote]("sim:note", 40)
	simAsked = call.Define[int, int]("sim:ask", 42)
)

// start starts a process on a machine.
func (w *simWorld) start(machine int) {
	h := &simHost{
		w: w, number: len(w.all), machine: machine, plug: &simPlug{machine: machine},
		virtual: engine.NewVirtual(&engine.Config{Loops: 1 + w.IntN(3)}),
		coming:  make(map[*peer.Conn]*simTalk),
		up:      make(map[string]bool), upAt: make(map[string]time.Duration), downs: make(map[string]int), missed: make(map[string]int),
		inside: make(map[[3]string]int), lastOf: make(map[int]int),
	}
	reg, other := registry.New(), registry.NewAdapting()
	for _, r := range []*registry.Registry{reg, other} {
		r.MustAdd(simNoted, simSpoke)
		r.MustAdd(simAsked.Packets()...)
	}
	h.virtual.Advance(w.now)
	h.srv = peer.NewServer(reg, &peer.Config{Reactor: h.virtual.Reactor()})
	peer.Handle(h.srv, simNoted, h.nodeNoted)
	h.serveSessions()
	call.Handle(h.srv, simAsked, func(_ *call.Context, v *int) (*int, error) {
		if w.calls[*v].handled++; w.calls[*v].handled > 1 {
			w.Fail("call %d was handled twice", *v)
		}
		twice := 2 * *v
		return &twice, nil
	})
	h.folk = peer.NewClient(other, &peer.Config{Reactor: h.virtual.Reactor(), Events: peer.Events{OnLost: h.placeLost}})
	peer.Handle(h.folk, simNoted, h.placeNoted)
	skew := w.skews[machine]
	node, err := newNode(h.srv, h.config(fmt.Sprint("n", machine)), func() time.Time { return time.Now().Add(skew) })
	if err == nil {
		h.Node = node
		w.net.plugs = append(w.net.plugs, h.plug)
		err = node.begin(context.Background(), h.plug)
		node.travel.atOnce = 1                                       // so that a seed is always the same run,
		node.travel.self = origin{uint16(machine), uint32(h.number)} // and for the order of ids
		h.sessions.SetOrigin(node.travel.self.node, node.travel.self.epoch)
	}
	if err != nil {
		w.Fail("start: %v", err)
		return
	}
	w.all = append(w.all, h)
	w.hosts = append(w.hosts, h)
	for range 1 + w.IntN(3) {
		h.arrive()
	}
}

func (h *simHost) config(name string) Config {
	return Config{
		Name: name, Lease: h.w.lease, Travel: h.travels(),
		OnUp: func(node string) {
			if h.up[node] {
				h.w.Fail("%s was told twice that %s is up", name, node)
			}
			h.up[node], h.upAt[node] = true, h.w.now
			h.w.Note("up %d %s", h.number, node)
		},
		OnDown: func(node string, reason error) {
			if !h.up[node] {
				h.w.Fail("%s was told that %s is down, which was not up: %v", name, node, reason)
			}
			h.up[node] = false
			if h.w.sabotage != simDownUntold {
				h.downs[node]++
			}
			h.w.count.downs++
			h.w.Note("down %d %s %v", h.number, node, reason)
		},
		OnMissed: func(user, packet string) {
			if h.w.sabotage != simMissedUntold {
				h.missed[user]++
			}
			h.w.count.missed++
		},
		OnGap:  func(string, uint64) { h.w.count.gaps++ },
		Joined: func(room, user, node string) { h.present(room, user, node, 1) },
		Left: func(room, user, node string) {
			if h.w.sabotage == simLeftUntold && h.w.Chance(20) {
				return
			}
			h.present(room, user, node, -1)
		},
	}
}

// present counts a member that has come or gone. Of those without a name there may be many.
func (h *simHost) present(room, user, node string, d int) {
	k := [3]string{room, user, node}
	h.inside[k] += d
	if n := h.inside[k]; n < 0 || n > 1 && user != "" {
		h.w.Fail("%s was told %v so often that it is there %d times", h.Name(), k, n)
	}
	h.w.Note("present %d %v %d", h.number, k, d)
}

// arrive connects a client.
func (h *simHost) arrive() {
	if h.drain != nil { // which takes no conns
		return
	}
	near, far := memconn.Pair(h.virtual.Reactor().Buffers(), h.virtual.Reactor().Buffers())
	server, err := h.srv.Attach(far, nil)
	if err != nil {
		h.w.Fail("attach: %v", err)
		return
	}
	loops := h.virtual.Reactor().Loops()
	on := loops[h.w.IntN(len(loops))]
	made := make(chan *peer.Conn, 1)
	go func() {
		c, err := h.folk.Attach(context.Background(), near, on)
		if err != nil {
			c = nil
		}
		made <- c
	}()
	synctest.Wait()
	h.settle()
	select {
	case c := <-made:
		if c == nil {
			h.w.Fail("a client was not connected")
			return
		}
		h.places = append(h.places, &simPlace{host: h, near: c, far: server, rooms: make(map[string]bool), last: make(map[simFlow]int)})
		h.w.places = append(h.w.places, h.places[len(h.places)-1])
	default:
		h.w.Fail("a client is not connected")
	}
}

// placeOf is the place of a client's conn.
func (h *simHost) placeOf(c *peer.Conn) *simPlace {
	for _, p := range h.places {
		if p.near == c {
			return p
		}
	}
	return nil
}

// placeLost is that a client's conn has ended.
func (h *simHost) placeLost(c *peer.Conn, reason error) {
	p := h.placeOf(c)
	if p == nil || h.over {
		return
	}
	if p.ended {
		h.w.Fail("a client was lost twice")
	}
	h.w.placeEnded(p, reason)
}

// placeNoted is that a packet came to a client.
func (h *simHost) placeNoted(c *peer.Conn, v *simNote) error {
	if p := h.placeOf(c); h.w.calm {
		return nil // it is counted only
	} else if p == nil || p.ended {
		h.w.Fail("packet %d came to a client that is gone", v.Index)
	} else {
		h.w.came(p, h.w.sends[v.Index])
	}
	return nil
}

// nodeNoted is that a packet came to the node itself.
func (h *simHost) nodeNoted(c *peer.Conn, v *simNote) error {
	s := h.w.sends[v.Index]
	switch from := h.w.all[s.flow.from].Name(); {
	case s.flow.to != "@"+h.Name():
		h.w.Fail("a packet to %s came to %s", s.flow.to, h.Name())
	case NodeOf(c) != from:
		h.w.Fail("a packet of %s came from %s", from, NodeOf(c))
	}
	if last := h.lastOf[s.flow.from]; s.index <= last {
		h.w.Fail("packet %d to node %s came after %d", s.index, h.Name(), last)
	}
	h.lastOf[s.flow.from] = s.index
	s.nodes++
	h.w.count.came++
	return nil
}

// settle has the loops take turns until they have nothing to do, or for long. Goroutines that
// they wake go on after each turn, so that a seed is always the same run.
func (h *simHost) settle() { settleVirtual(h.virtual) }

func settleVirtual(v *engine.Virtual) {
	for range 100 {
		if v.Settle(1) {
			return
		}
		synctest.Wait()
	}
}

// turn has a loop take a turn.
func (h *simHost) turn() {
	h.virtual.Step(h.w.IntN(len(h.virtual.Reactor().Loops())))
}

// end ends a process: it says goodbye, or vanishes.
func (h *simHost) end(vanish bool) {
	w := h.w
	if vanish {
		h.cutPlayers()
	}
	if !vanish && h.Err() == nil {
		h.Leave()
		h.settle()
	}
	h.loseParts()
	w.net.unplug(h.plug, vanish)
	h.over = true
	for _, p := range h.places {
		p.ended = true
	}
	if h.drain != nil {
		h.drain.stop()
	}
	h.leave(ErrLeft)
	h.folk.Close()
	h.srv.Close()
	h.virtual.Close()
	synctest.Wait()
	w.hosts = slices.DeleteFunc(w.hosts, func(other *simHost) bool { return other == h })
	w.Note("end %d %v", h.number, vanish)
}
