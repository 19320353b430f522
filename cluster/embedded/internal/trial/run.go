package trial

// The command run: nodes, users and traffic, a node killed at half time, and what was lost.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"time"
)

const (
	nodeCount  = 3
	killed     = 1 // at which place the node is that is killed at half time
	killedName = "n2"

	promisedGone = 5 * time.Second // within which a killed node's users are gone everywhere
	quiet        = time.Second     // after so long without a packet none is under way any more
	sendEvery    = 10 * time.Millisecond
)

// ErrBroken is that a run has seen a promise broken.
var ErrBroken = errors.New("a promise was broken")

// runConfig is what a run is to show.
type runConfig struct {
	duration           time.Duration
	users, rooms, rate int
	plain              bool
	node               func() *exec.Cmd // that calls RunNode
}

// trialRun is one run.
type trialRun struct {
	*runConfig
	users   *Users
	latency latencies // of packets since the last line
	all     latencies // of all packets
	nodes   []*runNode
	list    []*User
	killAt  time.Duration // on the users' clock; 0: not yet

	mu     sync.Mutex
	goneAt time.Duration // guarded by mu: when a node last told that a user of the killed one has left
}

// runNode is a node of a run.
type runNode struct {
	*Process
	Presence
	isKilled bool
	last     Status
}

// run runs what cfg says, prints what happens, and returns ErrBroken if a promise was broken.
func run(ctx context.Context, cfg *runConfig, out io.Writer) (err error) {
	r := &trialRun{runConfig: cfg}
	if r.users, err = NewUsers(r.addrs, r.arrived); err != nil {
		return err
	}
	living, cancel := context.WithCancel(context.Background())
	defer func() {
		cancel()
		err = errors.Join(err, r.stop())
		r.users.Close()
	}()
	if err := r.start(ctx, living); err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	t := newTable(out, cfg.plain)
	t.title(r)
	if err := r.drive(ctx, t); err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	return r.finish(ctx, out)
}

// unlessInterrupted is err, or nil if the run was interrupted.
func (r *trialRun) unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *trialRun) addrs() (list []string) {
	for _, n := range r.nodes {
		list = append(list, n.Addr)
	}
	return list
}

func (r *trialRun) arrived(d time.Duration) {
	r.latency.add(d)
	r.all.add(d)
}

// start starts the nodes, and users who live until living is done, and waits until all nodes
// know all of them.
func (r *trialRun) start(ctx, living context.Context) error {
	secret := rand.Text()
	for i := range nodeCount {
		n := new(runNode)
		cfg := NodeConfig{Name: fmt.Sprint("n", i+1), Secret: secret}
		for _, other := range r.nodes {
			cfg.Routes = append(cfg.Routes, other.Route)
		}
		var err error
		if n.Process, err = StartProcess(r.node(), cfg, func(e Event) { r.event(n, e) }); err != nil {
			return err
		}
		r.nodes = append(r.nodes, n)
	}
	for i := range r.runConfig.users {
		r.list = append(r.list, r.users.Add(living, fmt.Sprint("user", i), i%nodeCount, r.roomOf(i)))
	}
	return r.until(ctx, patience, func() bool {
		for i := range r.list {
			for _, n := range r.nodes {
				if !n.HasMember(r.roomOf(i), r.list[i].Name, r.nodes[i%nodeCount].Name()) {
					return false
				}
			}
		}
		return true
	})
}

// event takes in what a node tells.
func (r *trialRun) event(n *runNode, e Event) {
	r.users.Tell(e)
	n.Tell(e)
	if e.Kind == hasLeft && e.Node == killedName {
		r.mu.Lock()
		r.goneAt = r.users.now()
		r.mu.Unlock()
	}
}

// gone is how long after its end the killed node's users had left at all other nodes.
func (r *trialRun) gone() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.goneAt - r.killAt
}

// roomOf is the room of the user at a place. Users of all nodes are in each.
func (r *trialRun) roomOf(i int) string { return fmt.Sprint("room", i/nodeCount%r.rooms) }

// until waits until ok, for so long at most.
func (r *trialRun) until(ctx context.Context, most time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, ErrSilent)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(sendEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// drive has the users send until the time is up, shows what happens each second, and kills a
// node at half time.
func (r *trialRun) drive(ctx context.Context, t *table) error {
	send, show := time.NewTicker(sendEvery), time.NewTicker(time.Second)
	defer send.Stop()
	defer show.Stop()
	rng := mathrand.New(mathrand.NewPCG(1, 2))
	began := r.users.now()
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-show.C:
			if err := r.look(ctx); err != nil {
				return err
			}
			t.show(r)
		case <-send.C:
		}
		passed := r.users.now() - began
		if passed >= r.duration {
			return nil
		}
		if passed >= r.duration/2 && r.killAt == 0 {
			r.kill()
		}
		for due := int(passed.Seconds() * float64(r.rate)); sent < due; sent++ {
			r.send(rng)
		}
	}
}

// send has one user send a packet. What its session has no room for is told at once.
func (r *trialRun) send(rng *mathrand.Rand) {
	i := rng.IntN(len(r.list))
	if rng.IntN(10) == 0 {
		r.list[i].Send(r.roomOf(i), true, nil)
		return
	}
	r.list[i].Send(r.list[rng.IntN(len(r.list))].Name, false, nil)
}

// kill kills a node. Its users come back at the others.
func (r *trialRun) kill() {
	r.killAt = r.users.now()
	n := r.nodes[killed]
	n.isKilled = true
	n.Kill()
}

// look asks the nodes for what they have counted.
func (r *trialRun) look(ctx context.Context) (err error) {
	for _, n := range r.nodes {
		if n.isKilled {
			continue
		}
		if n.last, err = n.Status(ctx); err != nil {
			return err
		}
	}
	return nil
}

// finish waits until no packet is under way, and tells what has become of all.
func (r *trialRun) finish(ctx context.Context, out io.Writer) error {
	received, since := -1, r.users.now()
	err := r.until(ctx, patience, func() bool {
		s := r.users.Summary()
		if s.Received != received {
			received, since = s.Received, r.users.now()
		}
		isGone := len(r.ghosts()) == 0 || r.users.now()-r.killAt > promisedGone
		return isGone && (s.Due == s.Received+s.ToldSingly || r.users.now()-since > quiet)
	})
	if err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	if err := r.look(ctx); err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	return r.tell(out)
}

// stop ends the users' lives and the nodes.
func (r *trialRun) stop() (err error) {
	for _, n := range r.nodes {
		if !n.isKilled {
			err = errors.Join(err, n.Stop())
		}
	}
	return err
}

// away is how long each user of the killed node was without packets, shortest first, and how
// many have got none since then.
func (r *trialRun) away() (each []time.Duration, lost int) {
	for i := killed; i < len(r.list); i += nodeCount {
		times, isBack := r.list[i].Away()
		each = append(each, times...)
		if !isBack || len(times) == 0 {
			lost++
		}
	}
	slices.Sort(each)
	return each, lost
}

// ghosts are members of the killed node that another node has not told exactly once that they
// have left.
func (r *trialRun) ghosts() (wrong []string) {
	for i := killed; i < len(r.list); i += nodeCount {
		for _, n := range r.nodes {
			if n.isKilled {
				continue
			}
			if times := n.Left(r.roomOf(i), r.list[i].Name, killedName); times != 1 {
				wrong = append(wrong, fmt.Sprintf("%s was told %d times that %s has left", n.Name(), times, r.list[i].Name))
			}
		}
	}
	for _, n := range r.nodes {
		if !n.isKilled {
			wrong = append(wrong, n.Wrong()...)
		}
	}
	return wrong
}
