package directory

// Worlds of nodes whose conversations are cut and begin again, at any moment.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var seeds = flag.Int("sim.seeds", 300, "how many worlds")

// told is something that one node has said to another.
type told struct {
	begin, end, drop bool
	entry            Entry
}

// world is nodes, and what is on its way between them.
type world struct {
	t     *testing.T
	seed  uint64
	rnd   *rand.Rand
	nodes []*node
	way   map[[2]int][]told // from, to
	up    map[[2]int]bool   // there is a conversation from one to the other
}

type node struct {
	dir    *Directory
	bound  map[string]uint64 // users that the program has here
	inside map[string]bool   // "node room user" as the program was told
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), way: make(map[[2]int][]told), up: make(map[[2]int]bool)}
	for i := range 2 + w.rnd.IntN(4) {
		w.nodes = append(w.nodes, &node{New(name(i)), make(map[string]uint64), make(map[string]bool)})
	}
	return w
}

func name(i int) string { return fmt.Sprint("n", i) }

// tell sends an entry to all nodes that there is a conversation with.
func (w *world) tell(from int, what told) {
	for to := range w.nodes {
		if pair := [2]int{from, to}; w.up[pair] {
			w.way[pair] = append(w.way[pair], what)
		}
	}
}

// act has a node's program do something.
func (w *world) act(i int) {
	n := w.nodes[i]
	user, room := fmt.Sprint("u", w.rnd.IntN(6)), fmt.Sprint("r", w.rnd.IntN(3))
	switch w.rnd.IntN(4) {
	case 0:
		e := n.dir.Bind(user, uint64(w.rnd.IntN(50))) // clocks differ
		n.bound[user] = e.Time
		w.tell(i, told{entry: e})
	case 1:
		w.unbind(i, user)
	case 2:
		if !slices.Contains(n.dir.Own(), Entry{Room: room, User: user}) {
			w.tell(i, told{entry: n.dir.Join(room, user)})
		}
	case 3:
		if e, ok := n.dir.Leave(room, user); ok {
			w.tell(i, told{drop: true, entry: e})
		}
	}
}

func (w *world) unbind(i int, user string) {
	n := w.nodes[i]
	if e, ok := n.dir.Unbind(user, n.bound[user]); ok {
		w.tell(i, told{drop: true, entry: e})
	}
	delete(n.bound, user)
}

// deliver has the next thing on a way arrive.
func (w *world) deliver(pair [2]int) {
	if len(w.way[pair]) == 0 {
		return
	}
	what := w.way[pair][0]
	w.way[pair] = w.way[pair][1:]
	from, to := name(pair[0]), w.nodes[pair[1]].dir
	switch {
	case what.begin:
		to.Begin(from)
	case what.end:
		w.see(pair[1], to.End(from))
	case what.drop:
		w.see(pair[1], to.Drop(from, what.entry))
	default:
		w.see(pair[1], to.Set(from, what.entry))
	}
}

// see has a program told.
func (w *world) see(i int, events []Event) {
	n := w.nodes[i]
	for _, e := range events {
		id := e.Node + " " + e.Room + " " + e.User
		switch e.Kind {
		case Moved:
			w.unbind(i, e.User)
		case Joined:
			if n.inside[id] {
				w.t.Fatalf("seed %d: %s has joined twice", w.seed, id)
			}
			n.inside[id] = true
		case Left:
			if !n.inside[id] {
				w.t.Fatalf("seed %d: %s has left, and was not there", w.seed, id)
			}
			delete(n.inside, id)
		}
	}
}

// cut ends a conversation. What is on its way is lost, and the receiver notices at once, or
// when it begins again.
func (w *world) cut(pair [2]int) {
	w.up[pair], w.way[pair] = false, nil
	if w.rnd.IntN(2) == 0 {
		w.see(pair[1], w.nodes[pair[1]].dir.Forget(name(pair[0])))
	}
}

// join begins a conversation.
func (w *world) join(pair [2]int) {
	w.up[pair] = true
	w.way[pair] = append(w.way[pair], told{begin: true})
	for _, e := range w.nodes[pair[0]].dir.Own() {
		w.way[pair] = append(w.way[pair], told{entry: e})
	}
	w.way[pair] = append(w.way[pair], told{end: true})
}

// run lets a world go on for a while, and then in peace until nothing is on its way.
func (w *world) run() {
	pairs := w.pairs()
	for range 400 {
		pair := pairs[w.rnd.IntN(len(pairs))]
		switch n := w.rnd.IntN(20); {
		case n < 8:
			w.act(pair[0])
		case n < 18:
			w.deliver(pair)
		case w.up[pair]:
			w.cut(pair)
		default:
			w.join(pair)
		}
	}
	for _, pair := range pairs {
		if !w.up[pair] {
			w.join(pair)
		}
	}
	for busy := true; busy; {
		busy = false
		for _, i := range w.rnd.Perm(len(pairs)) {
			if len(w.way[pairs[i]]) > 0 {
				busy = true
				w.deliver(pairs[i])
			}
		}
	}
}

func (w *world) pairs() (all [][2]int) {
	for from := range w.nodes {
		for to := range w.nodes {
			if from != to {
				all = append(all, [2]int{from, to})
			}
		}
	}
	return all
}

// TestSim: in the end all nodes know the same, each user is at one node at most, and that is
// the one whose program has him; and each program was told so.
func TestSim(t *testing.T) {
	for seed := range uint64(*seeds) {
		w := newWorld(t, seed)
		w.run()
		for u := range 6 {
			user := fmt.Sprint("u", u)
			var holders []string
			for i, n := range w.nodes {
				if n.bound[user] != 0 {
					holders = append(holders, name(i))
				}
			}
			if len(holders) > 1 {
				t.Fatalf("seed %d: %s is at %v", seed, user, holders)
			}
			for i, n := range w.nodes {
				at, ok := n.dir.Where(user)
				if ok != (len(holders) == 1) || ok && at.Node != holders[0] {
					t.Fatalf("seed %d: %s is at %v, and %s says %v, %v", seed, user, holders, name(i), at, ok)
				}
			}
		}
		for r := range 3 {
			room := fmt.Sprint("r", r)
			want := w.nodes[0].dir.Members(room)
			for i, n := range w.nodes {
				if got := n.dir.Members(room); !slices.Equal(got, want) {
					t.Fatalf("seed %d: %s has in %s %v, want %v", seed, name(i), room, got, want)
				}
				for _, e := range want {
					if e.Node != name(i) && !n.inside[e.Node+" "+room+" "+e.User] {
						t.Fatalf("seed %d: the program at %s does not know %v", seed, name(i), e)
					}
				}
				if far := len(want) - n.ownIn(room); n.in(room) != far {
					t.Fatalf("seed %d: the program at %s knows %d members of %s, want %d", seed, name(i), n.in(room), room, far)
				}
				nodes := 0
				for _, count := range n.dir.NodesOf(room) {
					nodes += count
				}
				if nodes != len(want)-n.ownIn(room) {
					t.Fatalf("seed %d: %s counts %d members of %s elsewhere", seed, name(i), nodes, room)
				}
			}
		}
	}
}

func (n *node) in(room string) (count int) {
	for id := range n.inside {
		var node, r, user string
		fmt.Sscan(id, &node, &r, &user)
		if r == room {
			count++
		}
	}
	return count
}

func (n *node) ownIn(room string) (count int) {
	for _, e := range n.dir.Own() {
		if e.Room == room {
			count++
		}
	}
	return count
}
