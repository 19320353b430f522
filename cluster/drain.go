package cluster

// How a node is emptied: its sessions are given to the other nodes, and their clients told to
// follow; then it leaves.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// ErrDraining is returned by a second Drain.
var ErrDraining = errors.New("cluster: the node is draining")

const (
	// pushesAtOnce is how many sessions are on their way at once. With more, a drain is over
	// sooner, and more clients come at the same moment.
	pushesAtOnce = 16

	// pushTries is how often a session is given, each time to the next node, before it is left.
	pushTries = 5

	// pushPatience is how long a drain goes on while no session can be given, such as those that are
	// on their way to a node that has asked for them. With less, a node that is slow loses them.
	pushPatience = time.Second

	// pushRetry is how long to wait where a conn to another node has no room, or a session is on
	// its way already.
	pushRetry = 10 * time.Millisecond
)

// Drain says how a node is emptied.
type Drain struct {
	// Over is the time over which the sessions are given away, at even distances, so that their
	// clients do not all come at once. Default: as fast as it goes.
	Over time.Duration
}

// Drained is what became of the sessions of a node.
type Drained struct {
	Moved int // sessions that other nodes have now
	Left  int // sessions that are here still: they end with the server
}

// Drain empties the node and its server, for a program that is to end or to be replaced. It gives
// each session to another node, sends its client there, leaves the cluster, and then
// drains the server: other conns are advised to go to other nodes too. New sessions do not begin
// from then on, and Service of other nodes does not return this one.
//
// A client follows if its Backoff.Follow allows the other nodes' Travel.Advertise, or if it comes
// to another node by itself. When ctx is done, what is not done yet is left, and the error says
// so. With ErrNoNode, that there is no other node, and ErrDraining, nothing has happened. Drain
// may not be called on a loop.
func (n *Node) Drain(ctx context.Context, d Drain) (Drained, error) {
	if err := n.srv.Reactor().MayWait(); err != nil {
		return Drained{}, err
	}
	if err := n.travel.startDrain(); err != nil {
		return Drained{}, err
	}
	done := n.travel.pushAll(ctx, d.Over)
	to := n.travel.addresses() // of which the node knows none when it has left
	var turn atomic.Uint64
	advise := func(_ *peer.Conn, a *peer.Advice) {
		if len(to) > 0 {
			a.To = to[turn.Add(1)%uint64(len(to))]
		}
	}
	err := context.Cause(ctx)
	n.Leave()
	return done, errors.Join(err, n.srv.Drain(ctx, peer.Drain{Comeback: peer.ComebackElsewhere, Advise: advise}))
}

// startDrain has this node take no more sessions.
func (t *travel) startDrain() error {
	if err := t.node.Err(); err != nil {
		return err
	}
	conns, _ := t.others(nil, "")
	t.mu.Lock()
	switch {
	case t.draining:
		t.mu.Unlock()
		return ErrDraining
	case len(conns) == 0:
		t.mu.Unlock()
		return fmt.Errorf("%w: to drain to", ErrNoNode)
	}
	t.draining = true
	t.mu.Unlock()
	t.cfg.Sessions.TurnAway(func(*peer.Conn) peer.Advice {
		return peer.Advice{To: t.somewhere(), Comeback: peer.ComebackLater}
	})
	for _, c := range conns {
		t.introduce(c)
	}
	return nil
}

// leaving are the other nodes that have said that they drain. The node's mu is not held.
func (t *travel) leaving() map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	nodes := make(map[string]bool)
	for node, a := range t.far {
		if a.draining {
			nodes[node] = true
		}
	}
	return nodes
}

// addresses are those of the nodes that do not drain, in order.
func (t *travel) addresses() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.far {
		if !a.draining && a.address != "" {
			all = append(all, a.address)
		}
	}
	slices.Sort(all)
	return all
}

// somewhere is the address of a node that does not drain, of each in turn; "" if none is known.
func (t *travel) somewhere() string {
	all := t.addresses()
	if len(all) == 0 {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn++
	return all[t.turn%len(all)]
}

// pushAll gives all sessions to other nodes.
func (t *travel) pushAll(ctx context.Context, over time.Duration) Drained {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done Drained
	room := make(chan struct{}, t.atOnce)
	for round, last := 0, time.Now(); ctx.Err() == nil && time.Since(last) < pushPatience; round++ {
		all := slices.Collect(t.cfg.Sessions.All())
		if len(all) == 0 {
			break
		}
		before := done.Moved
		for i, s := range all {
			if round == 0 && i > 0 {
				pause(ctx, over/time.Duration(len(all)))
			}
			room <- struct{}{}
			wg.Go(func() {
				defer func() { <-room }()
				if t.push(ctx, s) {
					mu.Lock()
					done.Moved++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if done.Moved > before {
			last = time.Now()
		}
	}
	done.Left = t.cfg.Sessions.Len()
	return done
}

// pause waits, or less if ctx is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// push is a session on its way to a node that has not asked for it.
type push struct {
	conn  *peer.Conn
	taken chan bool // of one element
}

// push gives a session to another node, and reports whether that has it. It waits for that.
func (t *travel) push(ctx context.Context, s *session.Session) bool {
	for range pushTries {
		if ctx.Err() != nil || s.Err() != nil {
			return false
		}
		released := release(ctx, s, t.pack)
		if released == nil { // it has ended, or is on its way to a node that has asked for it
			pause(ctx, pushRetry)
			continue
		}
		node, address, ok := t.give(ctx, released)
		if !ok {
			released.Keep()
			pause(ctx, pushRetry)
			continue
		}
		t.mu.Lock()
		t.remember(s.ID(), node)
		t.mu.Unlock()
		t.count(func(s *Stats) { s.Departed++ })
		released.Gone(peer.Advice{To: address, Comeback: peer.ComebackLater})
		return true
	}
	return false
}

// release has a session packed, or returns nil: it has ended, somebody else has it, or ctx is done while
// the reactor is stopped, which is where a session that is packed later stays.
func release(ctx context.Context, s *session.Session, pack func(*session.Session) []byte) *session.Released {
	out := make(chan *session.Released, 1)
	var over atomic.Bool // it was taken from out, or will not be
	s.Release(pack, func(r *session.Released, err error) {
		switch {
		case err != nil:
			r = nil
		case !over.CompareAndSwap(false, true):
			r.Keep()
			return
		}
		out <- r
	})
	select {
	case r := <-out:
		return r
	case <-ctx.Done():
		if over.CompareAndSwap(false, true) {
			return nil
		}
		return <-out
	}
}

// give sends a session to the next node, and waits until that has it or has not.
func (t *travel) give(ctx context.Context, r *session.Released) (node, address string, ok bool) {
	p := &push{taken: make(chan bool, 1)}
	t.mu.Lock()
	node, a := t.next()
	if a == nil {
		t.mu.Unlock()
		return "", "", false
	}
	address = a.address
	t.number++
	number := t.number
	t.mu.Unlock()
	if p.conn = t.node.Node(node); p.conn == nil {
		return "", "", false
	}
	t.mu.Lock()
	t.pushes[number] = p
	t.mu.Unlock()
	m := travelMessage{kind: travelPush, number: number, a: r.Data()}
	for m.send(p.conn) != nil {
		if p.conn.State() != peer.Active || ctx.Err() != nil {
			t.pushed(p.conn, number, false)
			break
		}
		pause(ctx, pushRetry)
	}
	if p.conn.State() != peer.Active { // outgoingLost may have been called before the push was noted
		t.pushed(p.conn, number, false)
	}
	select {
	case ok = <-p.taken: // outgoingLost sees to it if no answer comes
	case <-ctx.Done():
		t.pushed(p.conn, number, false)
		ok = <-p.taken
	}
	return node, address, ok
}

// next is the next node that does not drain. mu is held.
func (t *travel) next() (string, *about) {
	var all []string
	for node, a := range t.far {
		if a.takes && !a.draining {
			all = append(all, node)
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	slices.Sort(all)
	t.turn++
	node := all[t.turn%len(all)]
	return node, t.far[node]
}

// pushed is called when another node has said whether it has a session that was pushed to it, or
// cannot say so any more.
func (t *travel) pushed(c *peer.Conn, number uint64, taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.pushes[number]; p != nil && p.conn == c {
		delete(t.pushes, number)
		p.taken <- taken
	}
}

// pushesOn are the pushes on a conn. mu is held.
func (t *travel) pushesOn(c *peer.Conn) (all []uint64) {
	for number, p := range t.pushes {
		if p.conn == c {
			all = append(all, number)
		}
	}
	return all
}

// takePush takes a session that another node has pushed.
func (t *travel) takePush(c *peer.Conn, m *travelMessage) {
	number := m.number
	t.mu.Lock()
	draining := t.draining
	t.mu.Unlock()
	if draining {
		(&travelMessage{kind: travelNot, number: number, why: notNow}).send(c)
		return
	}
	t.cfg.Sessions.Take(session.Found{
		Data:    slices.Clone(m.a),
		Arrived: t.arrivedOn(c),
		Taken: func(err error) {
			answer := travelMessage{kind: travelTook, number: number}
			if err != nil {
				answer.kind, answer.why = travelNot, notNow
				t.node.cfg.Logger.Warn("session of another node was not taken", "node", NodeOf(c), "err", err)
			} else {
				t.count(func(s *Stats) { s.Arrived++ })
			}
			answer.send(c)
		},
	})
}
