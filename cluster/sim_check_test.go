package cluster

// What must be so in the end of a simulation, when nothing goes wrong any more.

import (
	"fmt"
	"slices"
	"time"
)

// finish has the network heal, waits until the nodes agree, and looks whether each packet has
// come or somebody was told.
func (w *simWorld) finish() {
	clear(w.net.cut)
	w.net.lost, w.net.doubled, w.net.late = min(w.net.lost, 3), min(w.net.doubled, 3), min(w.net.late, 3)
	for _, h := range w.hosts {
		h.paused = 0
		if h.drain != nil {
			h.drain.stop()
		}
	}
	w.shelf.heal()
	strongest := w.strongest()
	w.agree(30 * time.Second)
	for user, p := range strongest {
		if (p.ended || p.user != user) && !p.host.over { // which another process of its name has ended
			w.Fail("%s is not where it was bound last, at %s: %v", user, p.host.Name(), p.reason)
		}
	}
	w.net.lost, w.net.doubled, w.net.late = 0, 0, 0
	w.pass(9 * time.Second) // what was late has come
	w.agree(30 * time.Second)
	w.judge()
	w.everybodySends()
	w.gather()
	w.drainInPeace()
	w.judgeTalks()
	if w.sabotage == simLeak && len(w.hosts) > 0 {
		h := w.hosts[0]
		id := streamID{h.self, 1 << 40, true}
		h.streams[id] = newStream(h.Node, id)
	}
	w.agree(5 * time.Second)
	for n, c := range w.calls {
		if c.ended != 1 && !w.callerGone(c) {
			w.Fail("call %d has ended %d times", n, c.ended)
		}
	}
}

// callerGone reports whether the process is over that has made a call.
func (w *simWorld) callerGone(c *simCall) bool {
	return c.by.over
}

// strongest are the places that are to keep their users: those of the latest bind that there
// ever was.
func (w *simWorld) strongest() map[string]*simPlace {
	all := make(map[string]*simPlace)
	for _, user := range simUsers {
		var latest *simBind
		for i := range w.binds {
			if b := &w.binds[i]; b.user == user && (latest == nil || b.stamp > latest.stamp ||
				b.stamp == latest.stamp && b.place.host.Name() > latest.place.host.Name()) {
				latest = b
			}
		}
		if latest != nil && !latest.place.ended && !latest.place.leaving && latest.place.user == user && latest.place.stamp == latest.stamp &&
			latest.place.host.Err() == nil {
			all[user] = latest.place
		}
	}
	return all
}

// agree waits until the nodes know the same.
func (w *simWorld) agree(patience time.Duration) {
	why := ""
	for until := w.now + patience; w.now < until && w.Failure == ""; {
		w.pass(200 * time.Millisecond)
		w.bury()
		if why = w.differ(); why == "" {
			return
		}
	}

	w.Fail("after %v of peace: %s", patience, why)
}

// differ says in what the nodes do not know the same, and the truth.
func (w *simWorld) differ() string {
	for _, h := range w.hosts {
		others := len(w.hosts) - 1
		if got := len(h.Nodes()); got != others {
			return fmt.Sprintf("%s has conns to %d nodes of %d", h.Name(), got, others)
		}
		if len(h.streams) != 2*others || len(h.to) != others || h.conns() != others {
			return fmt.Sprintf("%s has %d streams, %d ways out and %d in, to %d nodes", h.Name(), len(h.streams), len(h.to), h.conns(), others)
		}
		if why := h.differsFromTruth(); why != "" {
			return why
		}
	}
	return ""
}

// conns is how many nodes' conns have come in.
func (h *simHost) conns() (n int) {
	for _, in := range h.from {
		if in.conn != nil {
			n++
		}
	}
	return n
}

// differsFromTruth says what a node knows that is not so.
func (h *simHost) differsFromTruth() string {
	w := h.w
	for _, user := range simUsers {
		at := ""
		for _, p := range w.places {
			if p.user == user && !p.ended && !p.host.over {
				if at != "" {
					return fmt.Sprintf("%s is at %s and %s", user, at, p.host.Name())
				}
				at = p.host.Name()
			}
		}
		if got := h.Where(user); got != at {
			return fmt.Sprintf("%s is at %q, and %s says %q", user, at, h.Name(), got)
		}
	}
	for _, room := range append([]string{simCave}, simRooms...) {
		members := w.hosts[0].Presence(room).Members()
		if got := h.Presence(room).Members(); !slices.Equal(got, members) {
			return fmt.Sprintf("%s knows %v in %s, and %s %v", h.Name(), got, room, w.hosts[0].Name(), members)
		}
		told := make(map[[3]string]int)
		for _, m := range members {
			told[[3]string{room, m.User, m.Node}]++
		}
		if !h.wasTold(room, told) {
			return fmt.Sprintf("%s was told %v, and %v are there", h.Name(), h.inside, told)
		}
		if got, want := h.distinctHere(room), h.membersHere(members); got != want {
			return fmt.Sprintf("%d are in %s at %s, which tells of %d", got, room, h.Name(), want)
		}
	}
	return ""
}

// wasTold reports whether the program was told just of those who are there.
func (h *simHost) wasTold(room string, there map[[3]string]int) bool {
	for k, n := range h.inside {
		if k[0] == room && n != there[k] {
			return false
		}
	}
	for k, n := range there {
		if h.inside[k] != n {
			return false
		}
	}
	return true
}

// distinctHere is how many are in a room at this node: a name counts once.
func (h *simHost) distinctHere(room string) int {
	names := make(map[string]bool)
	for k, user := range h.Node.inside {
		if k.room == room {
			names[user] = true
		}
	}
	return len(names)
}

func (h *simHost) membersHere(members []Member) (n int) {
	for _, m := range members {
		if m.Node == h.Name() {
			n++
		}
	}
	return n
}

// judge looks at each packet that has not come. Its sender must have been told that, or that a
// conn to the node is lost, or who should have got it has ended.
func (w *simWorld) judge() {
	missed := make(map[simFlow]int) // how many must have been told by OnMissed
	for _, s := range w.sends {
		if s == nil {
			continue
		}
		from := w.all[s.flow.from]
		if from.over {
			continue
		}
		for _, p := range s.to {
			told := p.host != from && (p.host.over || from.downs[p.host.Name()] > s.downs[p.host.Name()])
			if s.came[p] || told {
				continue
			}
			switch {
			case s.room != "" && p.rooms[s.room] && !p.quit(s.room, s.index):
				w.Fail("packet %d to %s was lost without a word", s.index, s.flow.to)
			case s.room == "" && s.dead:
				missed[s.flow]++
			case s.room == "" && p.user == s.flow.to && p.stamp == s.stamp && !p.ended:
				w.Fail("packet %d to %s was lost without a word", s.index, s.flow.to)
			}
		}
		if to := s.flow.to; to[0] == '@' && to[len(to)-1] != '?' {
			if node := w.byName(to[1:]); s.nodes == 0 && from.downs[to[1:]] == s.downs[to[1:]] && node != nil {
				w.Fail("packet %d to node %s was lost without a word", s.index, to[1:])
			}
		}
	}
	for flow, n := range missed {
		if got := w.all[flow.from].missed[flow.to]; got < n {
			w.Fail("%d packets to %s were told as missed, of %d", got, flow.to, n)
		}
	}
}

// byName is the process of a name that runs.
func (w *simWorld) byName(name string) *simHost {
	for _, h := range w.hosts {
		if h.Name() == name {
			return h
		}
	}
	return nil
}

// everybodySends has each node send to everybody, now that all agree: all of it must come.
func (w *simWorld) everybodySends() {
	if w.Failure != "" {
		return
	}
	first := len(w.sends)
	for _, h := range w.hosts {
		for range 30 {
			h.send()
		}
	}
	w.pass(3 * time.Second)
	for _, s := range w.sends[max(first, 1):] {
		for _, p := range s.to {
			if !s.came[p] && !(w.sabotage == simLost) {
				w.Fail("packet %d to %s did not come in peace: from %s to %s, ended %v %v, user %s, missed %v, downs %v %v", s.index, s.flow.to, w.all[s.flow.from].Name(), p.host.Name(), p.ended, p.far.State(), p.user, w.all[s.flow.from].missed, s.downs, w.all[s.flow.from].downs)
			}
		}
	}
}
