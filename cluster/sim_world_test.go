package cluster

// The world of the simulation: what happens in one run.

import (
	"runtime"

	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
)

// simWorld is everything of one run. Machines have one process each at most, but for a
// moment, when a second one of the same name is started.
type simWorld struct {
	*simtest.World
	net      *simNetwork
	lease    time.Duration
	now      time.Duration
	skews    []time.Duration // by machine: how wrong its clock is
	hosts    []*simHost      // that run
	all      []*simHost      // that were ever started
	places   []*simPlace
	binds    []simBind
	sends    []*simSend
	calls    []*simCall
	players  []*simPlayer
	talks    []*simTalk
	packed   []simState // what sessions took along, by number
	shelf    *simShelf  // nil: no copies are kept
	count    simCounts
	calm     bool // nothing goes wrong any more
	sabotage simSabotage
}

// simCounts are what has happened in some runs.
type simCounts struct {
	messages, came, missed, gaps, downs, elsewhere, crashes, leaves, usurped, cuts, pauses, answered int
	spoken, moved, restored, drained, lostTalks                                                      int
}

// simBind is that a user was bound at a process.
type simBind struct {
	user  string
	stamp uint64
	place *simPlace
}

// simSabotage is what is wrong with a world, to see that it is noticed.
type simSabotage int

const (
	simNone simSabotage = iota
	simLost
	simDoubled
	simSwapped
	simDownUntold
	simMissedUntold
	simLeftUntold
	simEndUntold
	simStale
	simLeak
	simStatePast
	simUnackedUntold
	simLossUnknown
	simCopyLost
)

func newSimWorld(seed uint64, s simSabotage) *simWorld {
	w := &simWorld{World: simtest.New(seed, 1), sabotage: s}
	w.net = &simNetwork{w: w, cut: make(map[[2]int]bool)}
	w.lease = simtest.Pick(w.World, []time.Duration{MinLease, 500 * time.Millisecond, DefaultLease})
	if w.Chance(75) {
		w.net.lost, w.net.doubled, w.net.late = w.IntN(30), w.IntN(20), w.IntN(30)
	}
	for range 3 + w.IntN(5) {
		skew := time.Duration(0)
		if w.Chance(50) {
			skew = time.Duration(w.IntN(20_000)-10_000) * time.Millisecond
		}
		w.skews = append(w.skews, skew)
	}
	return w
}

// runSim is one seed.
func runSim(t *testing.T, seed uint64, s simSabotage) *simWorld {
	// A goroutine that a loop wakes, such as a Drain's, goes on when the world waits, and not beside the
	// loop: else a seed is not always the same run.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w := newSimWorld(seed, s)
	w.Run(t, func() {
		w.addPlayers()
		for m := range w.skews {
			if w.Chance(80) {
				w.start(m)
			}
		}
	}, w.act, func() {
		w.finish()
		for len(w.hosts) > 0 {
			w.hosts[0].end(w.Chance(50))
		}
		w.closePlayers()
	})
	w.count.messages = w.net.count
	return w
}

var simUsers, simRooms = []string{"ann", "bob", "cid", "dan", "eve"}, []string{"hall", "yard"}

// act does one thing.
func (w *simWorld) act() {
	w.bury()
	if len(w.hosts) == 0 {
		w.start(w.IntN(len(w.skews)))
		return
	}
	h := simtest.Pick(w.World, w.hosts)
	if w.sabotage == simMissedUntold && w.Chance(10) {
		w.sendToOneWhoGoes(h)
		return
	}
	if len(w.players) > 0 && w.Chance(12) {
		simtest.Pick(w.World, w.players).act()
		return
	}
	switch k := w.IntN(1000); {
	case k < 250:
		w.pass(simtest.Pick(w.World, []time.Duration{time.Millisecond, 5 * time.Millisecond, 30 * time.Millisecond, 200 * time.Millisecond}))
	case k < 350:
		if !h.isPaused() {
			h.turn()
		}
	case k < 450:
		w.net.collect()
		w.net.bringAny()
	case k < 500:
		if !h.isPaused() {
			h.step()
		}
	case k < 700:
		for range 1 + w.IntN(4) {
			h.send()
		}
	case k < 740:
		h.call()
	case k < 800:
		h.bind()
	case k < 820:
		h.unbind()
	case k < 870:
		h.enter()
	case k < 890:
		h.quit()
	case k < 905:
		h.arrive()
	case k < 915:
		if p := h.somePlace(); p != nil {
			p.leaving = true
			p.near.Softquit("sim.over")
		}
	case k < 940:
		w.cutSome()
	case k < 960:
		clear(w.net.cut)
	case k < 966:
		w.pass(simtest.Pick(w.World, []time.Duration{w.lease, link.Patience}))
	case k < 968 && len(w.players) > 0:
		h.beginDrain()
	case k < 972:
		w.count.crashes++
		h.end(true)
	case k < 976:
		w.count.leaves++
		h.end(false)
	case k < 990:
		if m := w.IntN(len(w.skews)); w.at(m) == nil || w.Chance(10) { // which is then usurped
			w.pass(time.Millisecond) // the clock goes on
			w.start(m)
		}
	case k < 994:
		h.paused = w.now + simtest.Pick(w.World, []time.Duration{100 * time.Millisecond, w.lease, 2 * w.lease, 6 * time.Second})
		w.count.pauses++
	default:
		if c := h.Node.Node(simtest.Pick(w.World, w.all).Name()); c != nil {
			c.Abort(errSimReset)
		}
	}
}

// cutSome cuts the network somewhere: around some machines, or between two, or from one to
// another.
func (w *simWorld) cutSome() {
	w.count.cuts++
	n := len(w.skews)
	a, b := w.IntN(n), w.IntN(n)
	switch w.IntN(3) {
	case 0:
		w.net.cut[[2]int{a, b}] = a != b
	case 1:
		w.net.cut[[2]int{a, b}], w.net.cut[[2]int{b, a}] = a != b, a != b
	default:
		side := make([]bool, n)
		for i := range side {
			side[i] = w.Chance(40)
		}
		for from := range n {
			for to := range n {
				if side[from] != side[to] {
					w.net.cut[[2]int{from, to}] = true
				}
			}
		}
	}
}

// at is the latest process of a machine that runs.
func (w *simWorld) at(machine int) *simHost {
	for _, h := range slices.Backward(w.hosts) {
		if h.machine == machine {
			return h
		}
	}
	return nil
}

func (h *simHost) isPaused() bool { return h.w.now < h.paused }

func (w *simWorld) isPaused(p *simPlug) bool {
	for _, h := range w.hosts {
		if h.plug == p {
			return h.isPaused()
		}
	}
	return false
}

// bury ends the processes whose nodes have left because another one has their name.
func (w *simWorld) bury() {
	for _, h := range slices.Clone(w.hosts) {
		if h.drain != nil {
			h.drain.bury()
			continue
		}
		select {
		case <-h.Done():
			w.count.usurped++
			h.end(true)
		default:
		}
	}
}

// pass has time go by.
func (w *simWorld) pass(d time.Duration) {
	for until := w.now + d; w.now < until && w.Failure == ""; {
		slice := min(time.Duration(1+w.IntN(25))*time.Millisecond, until-w.now)
		w.now += slice
		for _, h := range w.hosts {
			h.virtual.Advance(slice)
		}
		w.Advance(slice)
		time.Sleep(slice) // of the bubble
		w.Wait()
		w.flow()
	}
}

// flow has everybody do what can be done now.
func (w *simWorld) flow() {
	w.net.collect()
	w.net.deliver()
	for _, h := range w.hosts {
		if !h.isPaused() {
			h.step()
			w.Wait()
			h.settle()
		}
	}
	w.net.collect()
	w.flowPlayers()
}

// simCall is a call to another node.
type simCall struct {
	by             *simHost
	ended, handled int
}

// call calls another node, which has a moment to answer.
func (h *simHost) call() {
	w := h.w
	to := simtest.Pick(w.World, w.all).Name()
	c := h.Node.Node(to)
	if c == nil || h.isPaused() {
		return
	}
	n, m := len(w.calls), &simCall{by: h}
	w.calls = append(w.calls, m)
	call.Go(c, simAsked, &n, time.Second, func(v *int, err error) {
		if m.ended++; m.ended > 1 {
			w.Fail("call %d ended twice", n)
		}
		if err == nil && *v != 2*n {
			w.Fail("call %d was answered %d", n, *v)
		}
		if err == nil {
			w.count.answered++
		}
	})
}

// somePlace is a client that is there.
func (h *simHost) somePlace() *simPlace {
	var all []*simPlace
	for _, p := range h.places {
		if !p.ended && p.far.State() == peer.Active {
			all = append(all, p)
		}
	}
	if len(all) == 0 || h.isPaused() {
		return nil
	}
	return simtest.Pick(h.w.World, all)
}

// bind binds some client as some user. The bind must be later than all that the node knows.
func (h *simHost) bind() {
	p, user := h.somePlace(), simtest.Pick(h.w.World, simUsers)
	if p == nil || p.user == user {
		return
	}
	before, _ := h.dir.Where(user)
	if h.Bind(p.far, user) != nil {
		return
	}
	b := h.users[user]
	if b == nil {
		h.w.Fail("%s is not bound", user)
		return
	}
	if b.time <= before.Time {
		h.w.Fail("%s is bound at %d, which is not after %d", user, b.time, before.Time)
	}
	for _, other := range h.places {
		if other.user == user {
			other.user = ""
		}
	}
	p.user, p.stamp = user, b.time
	h.w.binds = append(h.w.binds, simBind{user, b.time, p})
	h.w.Note("bind %d %s %d", h.number, user, b.time)
}

// sendToOneWhoGoes has a user go, and all others send to him before they hear of that.
func (w *simWorld) sendToOneWhoGoes(h *simHost) {
	p := h.somePlace()
	if p == nil || p.user == "" {
		return
	}
	user := p.user
	h.Unbind(p.far)
	p.user = ""
	for _, other := range w.hosts {
		other.sendTo(func(s *simSend, v *simNote) error { return other.sendUser(s, user, v) })
	}
}

func (h *simHost) unbind() {
	if p := h.somePlace(); p != nil && h.Unbind(p.far) {
		p.user = ""
	}
}

// enter has a client join a room.
func (h *simHost) enter() {
	if p, room := h.somePlace(), simtest.Pick(h.w.World, simRooms); p != nil && h.Room(room).Join(p.far) == nil {
		p.rooms[room] = true
	}
}

func (h *simHost) quit() {
	if p, room := h.somePlace(), simtest.Pick(h.w.World, simRooms); p != nil && h.Room(room).Leave(p.far) {
		delete(p.rooms, room)
		p.quits = append(p.quits, simQuit{room, len(h.w.sends)})
	}
}
