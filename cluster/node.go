package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/cluster/internal/natswire"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/throttle"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// Node is this process in a cluster. Any goroutine may use it.
type Node struct {
	// Set once.
	cfg     Config
	self    members.ID
	began   time.Time
	clock   func() time.Time // by which binds are ordered
	srv     *peer.Server
	cli     *peer.Client // of the conns to other nodes
	rooms   *room.Rooms
	bus     bus
	own     *serverConns // nil: streams go by the bus alone
	ticker  ticker
	travel  *travel
	durable *durable      // nil: there is no Config.Durability
	done    chan struct{} // closed by leave
	ended   sync.WaitGroup

	refusals throttle.Throttle // of the log

	mu sync.Mutex

	// Guarded by mu.
	err         error // why the node has left; nil: it has not
	members     *members.Members
	helloAt     time.Duration // when the next hello is due
	streams     map[streamID]*stream
	inOrder     []*stream            // streams, as they began
	number      uint64               // of the last stream that this node began
	connecting  int                  // conns that are being made
	loop        int                  // of the last conn between nodes
	to          map[string]*outgoing // conns to nodes, by name
	from        map[string]*incoming // conns from nodes, by name
	dir         *directory.Directory
	users       map[string]*binding    // that are at this node
	names       map[room.Member]string // the user that a member is
	inside      map[inside]string      // as what a member is told to other nodes
	places      map[place]int          // by how many members a user is in a room here
	unnamed     uint64
	services    map[string]int          // how often Service was asked, for taking turns
	roomWatches map[string][]*roomWatch // by room
	userWatches map[string][]*userWatch // by user
	stats       Stats
}

// Join makes srv a node of a cluster. It returns when others can hear of it; Config.OnUp tells
// when there are conns with them. The server is to run, or to be run soon. It is one
// node in its life: it cannot join again when that has left, or when Join has failed.
//
// The server's Config.Authenticate is asked about the conns of other nodes too: let those in
// for which NodeOf is not "".
func Join(ctx context.Context, srv *peer.Server, cfg Config) (*Node, error) {
	n, err := newNode(srv, cfg, time.Now)
	if err != nil {
		return nil, err
	}
	if cfg.Server == nil && cfg.NATS == nil {
		return nil, fmt.Errorf("%w: neither Server nor NATS", ErrConfig)
	}
	b := &natsBus{conn: cfg.NATS, server: cfg.Server}
	if cfg.Durability != nil {
		n.durable = newDurable(n, *cfg.Durability)
	}
	if n, err = n.join(ctx, b); err == nil && n.durable != nil {
		n.durable.start(b.conn)
	}
	return n, err
}

// join has a new node take part over b.
func (n *Node) join(ctx context.Context, b bus) (*Node, error) {
	if err := n.begin(ctx, b); err != nil {
		n.leave(err)
		n.ended.Wait()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	n.ended.Add(1)
	go n.tick()
	return n, nil
}

// begin has the node hear others, and others hear of it. From then on step is to be called.
func (n *Node) begin(ctx context.Context, b bus) error {
	n.bus = b
	if err := n.extend(); err != nil {
		return err
	}
	n.travel.begin()
	if err := n.bus.start(ctx, n.self.Name); err != nil {
		return err
	}
	n.travel.use(b)
	n.own = newServerConns(n, b)
	if err := n.bus.subscribe(ctx, n.receive, n.subject("all"), n.subject("node."+n.self.Name), n.streamSubject(n.self.Name)); err != nil {
		return err
	}
	n.own.dial(ctx)
	n.sayHello("all", false)
	return nil
}

// newNode makes a node that nobody hears of yet. clock tells the time of day: when the node
// began, and when users were bound.
func newNode(srv *peer.Server, cfg Config, clock func() time.Time) (*Node, error) {
	if srv == nil {
		return nil, fmt.Errorf("%w: no server", ErrConfig)
	}
	if cfg.Name == "" {
		host, _ := os.Hostname()
		cfg.Name = fmt.Sprintf("%s-%d", strings.ReplaceAll(host, ".", "-"), os.Getpid())
	}
	if err := checkName(cfg.Name); err != nil {
		return nil, fmt.Errorf("%w: node %q: %w", ErrConfig, cfg.Name, err)
	}
	for _, s := range cfg.Services {
		if err := checkName(s); err != nil {
			return nil, fmt.Errorf("%w: service %q: %w", ErrConfig, s, err)
		}
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "packetmq"
	}
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	cfg.Lease = max(cfg.Lease, MinLease)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg: cfg, self: members.ID{Name: cfg.Name, Epoch: uint64(clock().UnixNano())}, began: time.Now(), clock: clock, srv: srv,
		done: make(chan struct{}), streams: make(map[streamID]*stream), to: make(map[string]*outgoing), from: make(map[string]*incoming),
		users: make(map[string]*binding), names: make(map[room.Member]string), inside: make(map[inside]string), places: make(map[place]int), services: make(map[string]int),
		roomWatches: make(map[string][]*roomWatch), userWatches: make(map[string][]*userWatch),
	}
	n.travel = newTravel(n, cfg.Travel)
	n.ticker.hurry = make(chan struct{}, 1)
	n.members = members.New(n.self, cfg.Lease)
	n.dir = directory.New(cfg.Name)
	n.rooms = room.New(srv, &room.Config{Joined: n.memberJoined, Left: n.memberLeft})
	n.cli = peer.NewClient(srv.Registry(), &peer.Config{
		Reactor:  srv.Reactor(),
		Identity: peer.Identity{Adapt: peer.AdaptAlways},
		Times:    peer.Times{Ping: pingEvery, Idle: pingIdle},
		Events:   peer.Events{OnMade: n.connected, OnLost: n.outgoingLost},
	})
	return n, nil
}

// Name is the node's own name.
func (n *Node) Name() string { return n.self.Name }

// Done is closed when the node has left: by Leave, or because another one has its name.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err is why the node has left, or nil while it has not.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Leave says goodbye to the other nodes, ends all conns with them, and stops Config.Server. The
// program's own server and its clients go on. With Travel.Copies nothing more is acknowledged in
// sessions that have copies, which may go on from these elsewhere. It waits for the server's loops, so
// no loop may call it: engine.ErrOnLoop, and the node stays.
func (n *Node) Leave() error {
	if n.srv.Reactor().OnLoop() {
		return engine.ErrOnLoop
	}
	n.sayHello("all", true)
	n.leave(ErrLeft)
	n.ended.Wait()
	return nil
}

func (n *Node) leave(err error) {
	n.mu.Lock()
	if n.err != nil {
		n.mu.Unlock()
		return
	}
	n.err = err
	streams := n.streamsWith(func(*stream) bool { return true })
	n.mu.Unlock()
	close(n.done)
	n.travel.end()
	n.durable.stop()
	n.own.close()
	n.bus.close()
	for _, s := range streams {
		s.end(err)
	}
	n.cli.Close()
}

// now is the node's clock.
func (n *Node) now() time.Duration { return time.Since(n.began) }

// subject is a subject of NATS.
func (n *Node) subject(of string) string { return n.cfg.Prefix + "." + of }

// streamSubject is the subject of all that a node is sent on streams.
func (n *Node) streamSubject(node string) string { return n.subject("node." + node + ".stream") }

// publish sends a message of a stream. What cannot be sent is sent again. b is a payload with
// natswire.End after it.
func (n *Node) publish(subject string, b []byte) {
	if n.own.publish(subject, b) {
		return
	}
	if err := n.bus.publish(subject, b[:len(b)-len(natswire.End)]); err != nil && n.Err() == nil {
		n.cfg.Logger.Debug("message was not sent", "subject", subject, "err", err)
	}
}

// sayHello says what this node is, to all or to one.
func (n *Node) sayHello(to string, leaving bool) {
	h := members.Hello{From: n.self, Services: n.cfg.Services, Leaving: leaving}
	n.bus.publish(n.subject(to), appendHello(nil, &h))
}

// Heartbeats of conns to nodes are for their RTT: whether a node is there, hellos tell.
const (
	pingEvery = 5 * time.Second
	pingIdle  = 90 * time.Second
)

// step does what is due because of the time.
func (n *Node) step() {
	now := n.now()
	n.mu.Lock()
	if n.err != nil {
		n.mu.Unlock()
		return
	}
	hello := now >= n.helloAt
	if hello {
		n.helloAt = now + n.cfg.Lease/5
	}
	after := n.see(n.members.Tick(now))
	n.connectAll(now)
	for _, o := range n.to {
		n.tellMore(o)
	}
	n.own.step(now)
	streams := n.streamsWith(func(*stream) bool { return true })
	n.mu.Unlock()
	if hello {
		n.sayHello("all", false)
	}
	n.finish(after)
	stalled := hello && n.own.isStalled()
	for _, s := range streams {
		s.tick(stalled)
	}
}

// streamsWith are the streams that f chooses, as they began. mu is held.
func (n *Node) streamsWith(f func(*stream) bool) (list []*stream) {
	for _, s := range n.inOrder {
		if f(s) {
			list = append(list, s)
		}
	}
	return list
}

// add begins to keep a stream. mu is held.
func (n *Node) add(s *stream) {
	n.streams[s.id] = s
	n.inOrder = append(n.inOrder, s)
}

// drop forgets a stream, and keeps its counts.
func (n *Node) drop(s *stream, gaps, resent uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.streams[s.id] == s {
		delete(n.streams, s.id)
		n.inOrder = slices.DeleteFunc(n.inOrder, func(other *stream) bool { return other == s })
		n.stats.Gaps += gaps
		n.stats.Resent += resent
	}
}

// call has a function of the program called on the server's first loop.
func (n *Node) call(f func()) {
	n.srv.Reactor().Post(f)
}

func (n *Node) tellGap(node string, gaps uint64) {
	if n.cfg.OnGap != nil {
		n.call(func() { n.cfg.OnGap(node, gaps) })
	}
}

// NodeOf is the node that a conn is with, on either side of it; "" if it is a conn of another
// kind.
func NodeOf(c *peer.Conn) string {
	return streamOf(c).far.Name
}

// streamOf is the stream under a conn with a node; of another conn the zero value.
func streamOf(c *peer.Conn) streamID {
	a, _ := c.RemoteAddr().(Addr)
	return a.stream
}

// Node is the conn to another node, on which it can be called and sent packets; nil if there is
// none now. Its packets come back on a conn of the other node's own.
func (n *Node) Node(name string) *peer.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o := n.to[name]; o != nil {
		return o.conn
	}
	return nil
}

// Nodes are the names of the other nodes that there is a conn to, in order.
func (n *Node) Nodes() (names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.members.All() {
		if o := n.to[h.From.Name]; o != nil && o.conn != nil {
			names = append(names, h.From.Name)
		}
	}
	return names
}

// Service is the conn to one of the nodes that offer a service, in turn; nil if there is none.
// This node is not among them, and a node that drains is only if there is no other.
func (n *Node) Service(name string) *peer.Conn {
	leaving := n.travel.leaving()
	n.mu.Lock()
	defer n.mu.Unlock()
	var conns, last []*peer.Conn
	for _, h := range n.members.All() {
		for _, s := range h.Services {
			switch o := n.to[h.From.Name]; {
			case s != name || o == nil || o.conn == nil:
			case leaving[h.From.Name]:
				last = append(last, o.conn)
			default:
				conns = append(conns, o.conn)
			}
		}
	}
	if len(conns) == 0 {
		conns = last
	}
	if len(conns) == 0 {
		return nil
	}
	n.services[name]++
	return conns[n.services[name]%len(conns)]
}
