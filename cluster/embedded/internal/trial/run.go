package trial

// The command run: nodes, users and traffic, a node killed at half time or all replaced, and what
// was lost.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster"
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
	copies             bool             // copies of sessions are kept
	restart            bool             // all nodes are replaced, instead of one killed
	lease              time.Duration    // of the cluster
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
	stores  string        // directory of the nodes' stores, "" for none
	killAt  time.Duration // on the users' clock; 0: not yet

	replaced  chan replaced
	replacing bool            // replaced will have a result
	restarted int             // nodes that were replaced
	drained   cluster.Drained // what became of their sessions

	mu        sync.Mutex
	addresses map[string]string // guarded by mu: of the nodes, by name
	goneAt    time.Duration     // guarded by mu: when a node last told that a user of the killed one has left
}

// runNode is a node of a run.
type runNode struct {
	*Process
	Presence
	cfg       NodeConfig
	isKilled  bool
	isLeaving bool // it is being replaced
	last      Status
}

// run runs what cfg says, prints what happens, and returns ErrBroken if a promise was broken.
func run(ctx context.Context, cfg *runConfig, out io.Writer) (err error) {
	r := &trialRun{runConfig: cfg, addresses: make(map[string]string), replaced: make(chan replaced, 1)}
	if cfg.copies {
		if r.stores, err = os.MkdirTemp("", "cluster-"); err != nil {
			return err
		}
		defer os.RemoveAll(r.stores)
	}
	if r.users, err = NewUsers(r.addrs, r.arrived); err != nil {
		return err
	}
	living, endLives := context.WithCancel(context.Background())
	driving, endReplacing := context.WithCancel(ctx)
	defer func() {
		endReplacing()
		endLives()
		err = errors.Join(err, r.stop())
		r.users.Close()
	}()
	if err := r.start(ctx, living); err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	t := newTable(out, cfg.plain)
	t.title(r)
	if err := r.drive(driving, t); err != nil {
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

// addrs are where clients reach the nodes, by the nodes' places.
func (r *trialRun) addrs() (list []Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range nodeCount {
		list = append(list, Address{nodeName(i), r.addresses[nodeName(i)]})
	}
	return list
}

// nodeName is the name of the node at a place.
func nodeName(i int) string { return fmt.Sprint("n", i+1) }

func (r *trialRun) arrived(d time.Duration) {
	r.latency.add(d)
	r.all.add(d)
}

// start starts the nodes, and users who live until living is done, and waits until all nodes
// know all of them.
func (r *trialRun) start(ctx, living context.Context) error {
	configs, err := nodeConfigs(nodeCount, r.stores)
	if err != nil {
		return err
	}
	for _, cfg := range configs {
		cfg.Lease = r.lease
		n, err := r.startNode(cfg)
		if err != nil {
			return err
		}
		r.nodes = append(r.nodes, n)
	}
	for _, n := range r.nodes {
		if err := n.StoreReady(ctx); err != nil {
			return err
		}
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

// startNode starts a node, and has users know its address.
func (r *trialRun) startNode(cfg NodeConfig) (*runNode, error) {
	n := &runNode{cfg: cfg}
	var err error
	if n.Process, err = StartProcess(r.node(), cfg, func(e Event) { r.event(n, e) }); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses[cfg.Name] = n.Addr
	return n, nil
}

// nodeConfigs are those of nodes which reach each other, and keep copies of their sessions below a
// directory unless that is "".
func nodeConfigs(count int, stores string) (list []NodeConfig, err error) {
	secret := rand.Text()
	var at []string
	for range count {
		ln, err := net.Listen("tcp", "127.0.0.1:0") // a store's servers have addresses that stay, so they are chosen before
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		at = append(at, ln.Addr().String())
	}
	for i := range count {
		cfg := NodeConfig{Name: nodeName(i), Secret: secret, Listen: at[i], Routes: slices.Delete(slices.Clone(at), i, i+1)}
		if stores != "" {
			cfg.Copies, cfg.StoreDir = true, filepath.Join(stores, cfg.Name)
		}
		list = append(list, cfg)
	}
	return list, nil
}

// event takes in what a node tells.
func (r *trialRun) event(n *runNode, e Event) {
	r.users.Tell(n.cfg.Name, e)
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
	if r.killAt == 0 {
		return 0
	}
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

// drive has the users send until the time is up and all are back, shows what happens each second,
// and kills a node at half time, or replaces all from a fifth of the time on.
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
		case res := <-r.replaced:
			if err := r.take(ctx, res); err != nil {
				return err
			}
		}
		passed := r.users.now() - began
		if passed >= r.duration && r.isOver() || passed >= r.duration+patience {
			return nil
		}
		switch {
		case r.restart && passed >= r.duration/5 && !r.nodes[0].isLeaving && r.restarted == 0:
			r.replace(ctx, 0)
		case !r.restart && passed >= r.duration/2 && r.killAt == 0 && r.areCopied():
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

// isOver reports whether all has happened that is to be shown, and all users have packets again.
func (r *trialRun) isOver() bool {
	_, lost := r.away()
	if r.restart {
		return r.restarted == nodeCount && lost == 0
	}
	return r.killAt > 0 && lost == 0
}

// areCopied reports whether there are copies of the sessions that are to outlive their node. Without
// a copy nothing is acknowledged.
func (r *trialRun) areCopied() bool {
	for _, u := range r.leavers() {
		if r.copies && !u.IsAcknowledged() {
			return false
		}
	}
	return true
}

// look asks the nodes for what they have counted.
func (r *trialRun) look(ctx context.Context) (err error) {
	for _, n := range r.nodes {
		if n.isKilled || n.isLeaving {
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
		isGone := r.restart || len(r.ghosts()) == 0 || r.users.now()-r.killAt > promisedGone
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

// stop ends the nodes, also one that is about to take another one's place: the context of replace is
// done.
func (r *trialRun) stop() (err error) {
	if r.replacing {
		if res := <-r.replaced; res.node != nil {
			r.nodes = append(r.nodes, res.node)
		}
	}
	for _, n := range r.nodes {
		if !n.isKilled {
			err = errors.Join(err, n.Stop())
		}
	}
	return err
}

// leavers are the users of the nodes that were killed or replaced.
func (r *trialRun) leavers() (list []*User) {
	for i, u := range r.list {
		if r.restart || i%nodeCount == killed {
			list = append(list, u)
		}
	}
	return list
}

// away is how long each of these users was without packets, each time, shortest first, and how
// many have got none since then.
func (r *trialRun) away() (each []time.Duration, lost int) {
	for _, u := range r.leavers() {
		times, isBack := u.Away()
		each = append(each, times...)
		if !isBack || len(times) == 0 {
			lost++
		}
	}
	slices.Sort(each)
	return each, lost
}

// anew is how many of these users had to begin another session.
func (r *trialRun) anew() (count int) {
	for _, u := range r.leavers() {
		if r.users.Lives(u.Name) > 1 {
			count++
		}
	}
	return count
}

// ghosts are members of the killed node that another node has not told exactly once that they
// have left.
func (r *trialRun) ghosts() (wrong []string) {
	for i := killed; i < len(r.list) && !r.restart; i += nodeCount {
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
