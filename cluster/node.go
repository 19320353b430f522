package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// Node is this process in a cluster. Any goroutine may use it.
type Node struct {
	// Set once.
	cfg   Config
	self  members.ID
	began time.Time
	srv   *peer.Server
	cli   *peer.Client // of the conns to other nodes
	rooms *room.Rooms
	bus   bus
	done  chan struct{} // closed by leave
	ended sync.WaitGroup

	mu sync.Mutex

	// Guarded by mu.
	err      error // why the node has left; nil: it has not
	members  *members.Members
	streams  map[streamID]*stream
	number   uint64                // of the last stream that this node began
	to       map[string]*outgoing  // conns to nodes, by name
	from     map[string]*peer.Conn // conns from nodes, by name
	dir      *directory.Directory
	users    map[string]*binding    // that are at this node
	names    map[room.Member]string // the user that a member is
	inside   map[inside]string      // as what a member is told to other nodes
	unnamed  uint64
	services map[string]int // how often Service was asked, for taking turns
	stats    Stats
}

// outgoing is a conn to a node that is there.
type outgoing struct {
	id   members.ID
	conn *peer.Conn // nil: it is not made yet
}

// Join makes srv a node of a cluster. It returns when others can hear of it; Config.OnUp tells
// when there are conns with them. The server is to run, or to be run soon, and must not be
// given to two nodes.
//
// The server's Config.Authenticate is asked about the conns of other nodes too: let those in
// for which NodeOf is not "".
func Join(ctx context.Context, srv *peer.Server, cfg Config) (*Node, error) {
	n, err := newNode(srv, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Server == nil && cfg.NATS == nil {
		return nil, fmt.Errorf("%w: neither Server nor NATS", ErrConfig)
	}
	return n.join(ctx, &natsBus{conn: cfg.NATS, server: cfg.Server})
}

// join has a new node take part over b.
func (n *Node) join(ctx context.Context, b bus) (*Node, error) {
	n.bus = b
	err := n.extend()
	if err == nil {
		err = n.bus.start(ctx, n.self.Name)
	}
	if err == nil {
		err = n.bus.subscribe(ctx, n.receive, n.subject("all"), n.subject("node."+n.self.Name))
	}
	if err != nil {
		n.leave(err)
		return nil, fmt.Errorf("cluster: %w", err)
	}
	n.sayHello("all", false)
	n.ended.Add(1)
	go n.tick()
	return n, nil
}

func newNode(srv *peer.Server, cfg Config) (*Node, error) {
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
		cfg: cfg, self: members.ID{Name: cfg.Name, Epoch: uint64(time.Now().UnixNano())}, began: time.Now(), srv: srv,
		done: make(chan struct{}), streams: make(map[streamID]*stream), to: make(map[string]*outgoing), from: make(map[string]*peer.Conn),
		users: make(map[string]*binding), names: make(map[room.Member]string), inside: make(map[inside]string), services: make(map[string]int),
	}
	n.members = members.New(n.self, cfg.Lease)
	n.dir = directory.New(cfg.Name)
	n.rooms = room.New(srv, &room.Config{Joined: n.memberJoined, Left: n.memberLeft})
	n.cli = peer.NewClient(srv.Registry(), &peer.Config{
		Reactor:  srv.Reactor(),
		Identity: peer.Identity{Adapt: peer.AdaptAlways},
		Events:   peer.Events{OnLost: n.outgoingLost},
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
// program's own server and its clients go on.
func (n *Node) Leave() error {
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

// publish sends a message to a node. What cannot be sent is sent again.
func (n *Node) publish(node string, b []byte) {
	if err := n.bus.publish(n.subject("node."+node), b); err != nil && n.Err() == nil {
		n.cfg.Logger.Debug("message was not sent", "node", node, "err", err)
	}
}

// sayHello says what this node is, to all or to one.
func (n *Node) sayHello(to string, leaving bool) {
	h := members.Hello{From: n.self, Services: n.cfg.Services, Leaving: leaving}
	n.bus.publish(n.subject(to), appendHello(nil, &h))
}

// tick does what is due because of the time.
func (n *Node) tick() {
	defer n.ended.Done()
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	hello := time.NewTicker(n.cfg.Lease / 5)
	defer hello.Stop()
	for {
		select {
		case <-n.done:
			return
		case <-hello.C:
			n.sayHello("all", false)
		case <-t.C:
		}
		n.mu.Lock()
		events := n.members.Tick(n.now())
		streams := n.streamsWith(func(*stream) bool { return true })
		n.mu.Unlock()
		n.see(events)
		for _, s := range streams {
			s.tick()
		}
	}
}

const tickEvery = 25 * time.Millisecond

// streamsWith are the streams that f chooses. mu is held.
func (n *Node) streamsWith(f func(*stream) bool) (list []*stream) {
	for _, s := range n.streams {
		if f(s) {
			list = append(list, s)
		}
	}
	return list
}

// receive takes in a message of another node, or of this one.
func (n *Node) receive(b []byte) {
	if len(b) == 0 {
		return
	}
	var err error
	switch b[0] {
	case helloMessage:
		err = n.receiveHello(b[1:])
	case segmentMessage:
		err = n.receiveSegment(b[1:])
	default:
		err = errMessage
	}
	if err != nil {
		n.mu.Lock()
		n.stats.Malformed++
		n.mu.Unlock()
		n.cfg.Logger.Debug("message that cannot be read", "bytes", len(b), "err", err)
	}
}

func (n *Node) receiveHello(b []byte) error {
	h, err := readHello(b)
	if err != nil {
		return err
	}
	n.mu.Lock()
	events := n.members.Hello(h, n.now())
	n.mu.Unlock()
	n.see(events)
	return nil
}

// see does what follows from nodes that have come and gone.
func (n *Node) see(events []members.Event) {
	for _, e := range events {
		id := e.Hello.From
		switch e.Kind {
		case members.Came:
			n.sayHello("node."+id.Name, false)
			n.mu.Lock()
			o := &outgoing{id: id}
			n.to[id.Name] = o
			n.mu.Unlock()
			go n.connect(o)
		case members.Left, members.Lost:
			n.gone(id)
		case members.Usurped:
			n.cfg.Logger.Error("another node has this one's name", "node", n.self.Name)
			n.leave(ErrUsurped)
		}
	}
}

// gone ends what there is with a node that is gone.
func (n *Node) gone(id members.ID) {
	n.mu.Lock()
	if o := n.to[id.Name]; o != nil && o.id == id {
		delete(n.to, id.Name)
	}
	streams := n.streamsWith(func(s *stream) bool { return s.id.far == id })
	n.mu.Unlock()
	for _, s := range streams {
		s.end(errGone)
	}
}

// connect makes the conn to a node, again and again while the node is there.
func (n *Node) connect(o *outgoing) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		n.mu.Lock()
		if n.err != nil || n.to[o.id.Name] != o || o.conn != nil {
			n.mu.Unlock()
			return
		}
		n.number++
		s := newStream(n, streamID{o.id, n.number, true})
		n.streams[s.id] = s
		n.mu.Unlock()
		c, err := n.inject(s)
		if err == nil {
			n.connected(o, c)
			return
		}
		gaps, resent := s.counts()
		n.drop(s, gaps, resent)
		n.cfg.Logger.Debug("conn to a node was not made", "node", o.id.Name, "err", err)
		select {
		case <-time.After(wait):
		case <-n.done:
			return
		}
	}
}

// inject has the client's peer take a stream over.
func (n *Node) inject(s *stream) (*peer.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), link.Patience)
	defer cancel()
	return n.cli.Attach(ctx, s, nil)
}

// connected begins the conversation on a conn to a node: everything that this one has to
// tell, once.
func (n *Node) connected(o *outgoing, c *peer.Conn) {
	n.mu.Lock()
	if n.err != nil || n.to[o.id.Name] != o {
		n.mu.Unlock()
		c.Close()
		return
	}
	o.conn = c
	err := n.tellAll(c)
	n.mu.Unlock()
	if err != nil {
		c.Abort(err)
		return
	}
	n.call(func() {
		if n.cfg.OnUp != nil {
			n.cfg.OnUp(o.id.Name)
		}
	})
}

// outgoingLost is told of the end of each conn to a node.
func (n *Node) outgoingLost(c *peer.Conn, reason error) {
	name := NodeOf(c)
	n.mu.Lock()
	o := n.to[name]
	again := o != nil && o.conn == c
	if again {
		o.conn = nil
	}
	n.mu.Unlock()
	if n.cfg.OnDown != nil {
		n.cfg.OnDown(name, reason)
	}
	if again {
		go n.connect(o)
	}
}

// receiveSegment takes in a segment, and what begins a stream.
func (n *Node) receiveSegment(b []byte) error {
	e, err := readEnvelope(b)
	if err != nil {
		return err
	}
	if e.toEpoch != n.self.Epoch {
		return nil // to this node as it was before
	}
	id := streamID{e.from, e.number, !e.begun}
	n.mu.Lock()
	n.members.Heard(e.from, n.now())
	s := n.streams[id]
	h, known := n.members.Get(e.from.Name)
	fresh := s == nil && e.begun && e.segment.Seq == 0 && e.segment.Flags&link.Reset == 0 && n.err == nil && known && h.From == e.from
	if fresh {
		s = newStream(n, id)
		n.streams[id] = s
	}
	n.mu.Unlock()
	switch {
	case s == nil && e.segment.Flags&link.Reset == 0:
		reset := envelope{n.self, e.from.Epoch, e.number, !e.begun, link.Segment{Flags: link.Reset}}
		n.publish(e.from.Name, reset.append(nil))
		return nil
	case s == nil:
		return nil
	}
	s.receive(&e.segment)
	if fresh {
		if _, err := n.srv.Attach(s, nil); err != nil && !errors.Is(err, peer.ErrClosed) {
			n.cfg.Logger.Warn("conn of a node was not taken", "node", e.from.Name, "err", err)
		}
	}
	return nil
}

// drop forgets a stream, and keeps its counts.
func (n *Node) drop(s *stream, gaps, resent uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.streams[s.id] == s {
		delete(n.streams, s.id)
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
	if a, ok := c.RemoteAddr().(Addr); ok {
		return a.node
	}
	return ""
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
// This node is not among them.
func (n *Node) Service(name string) *peer.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	var conns []*peer.Conn
	for _, h := range n.members.All() {
		for _, s := range h.Services {
			if o := n.to[h.From.Name]; s == name && o != nil && o.conn != nil {
				conns = append(conns, o.conn)
			}
		}
	}
	if len(conns) == 0 {
		return nil
	}
	n.services[name]++
	return conns[n.services[name]%len(conns)]
}
