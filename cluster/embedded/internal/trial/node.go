package trial

// A node's process: what it does, and what it is told and tells by its standard input and output.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/embedded"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// NodeConfig is the first line that a node's process reads.
type NodeConfig struct {
	Name   string
	Secret string
	Routes []string
	Lease  time.Duration // 0: the cluster's default

	// Listen and StoreDir are those of the node's NATS server if there are Copies of sessions. Each
	// lies at all of Routes then, which are the other servers.
	Copies           bool
	Listen, StoreDir string
}

// Order is each further line: what the node is to do, or to tell.
type Order struct {
	ID   int    // of the Answer
	Do   string // one of the constants below
	Name string // of a user or a room
}

// What an Order has a node do.
const (
	doWhere   = "where"   // tell the node of a user
	doMembers = "members" // tell the members of a room, as "user@node"
	doStatus  = "status"  // tell what the node has counted
	doStall   = "stall"   // hold the loop up until doGoOn
	doGoOn    = "go on"
	doStore   = "store" // wait until copies can be kept
	doDrain   = "drain" // give all sessions to other nodes, leave, and tell what became of them
)

// Answer is what an Order is answered with. Text is empty for what there is nothing to tell about.
type Answer struct {
	ID     int
	Text   []string
	Status Status
	Moved  cluster.Drained
	Why    string // an order was not obeyed
}

// Status is what a node has counted.
type Status struct {
	cluster.Stats
	At     int64    // when, in nanoseconds since 1970
	Others []string // the nodes that it has conns to
}

// Event is what has happened at a node.
type Event struct {
	Kind             string // one of the constants below
	Room, User, Node string
	Why              string
}

// Kinds of an Event.
const (
	hasUp     = "up"
	hasDown   = "down"
	hasJoined = "joined"
	hasLeft   = "left"
	hasMissed = "missed"
	hasCopied = "from copy" // a user's session goes on here from a copy
)

// message is a line that a node's process writes: one of these.
type message struct {
	Ready  *Ready  `json:",omitempty"`
	Answer *Answer `json:",omitempty"`
	Event  *Event  `json:",omitempty"`
}

// Ready is the first line that a node's process writes.
type Ready struct {
	Addr  string // for clients
	Route string // for other nodes
}

// drainOver is over what time a node that drains gives its sessions away. With less, all of their
// clients come to the others at once; with more, a rolling restart takes longer.
const drainOver = 500 * time.Millisecond

// storeRetry is how long to wait before a store is asked again that is not there yet.
const storeRetry = 50 * time.Millisecond

// node is a node with its server.
type node struct {
	*cluster.Node
	srv      *peer.Server
	sessions *session.Sessions
	copies   *cluster.Bucket // nil: none are kept

	mu  sync.Mutex
	out *json.Encoder // guarded by mu

	goOn chan struct{} // closed by doGoOn; only RunNode's goroutine touches it
}

// RunNode is a node until ctx is done or in ends, as it does when the process that started this one
// ends in whatever way.
func RunNode(ctx context.Context, in io.Reader, out io.Writer) error {
	orders := json.NewDecoder(in)
	var cfg NodeConfig
	if err := orders.Decode(&cfg); err != nil {
		return fmt.Errorf("the first line has no settings: %w", err)
	}
	n := &node{out: json.NewEncoder(out)}
	n.serve()
	defer n.srv.Close()
	if err := n.srv.RunAsync(); err != nil {
		return err
	}
	ln, err := n.srv.Listen("tcp://127.0.0.1:0") // whose address nobody knows until Ready
	if err != nil {
		return err
	}
	addr := "tcp://" + ln.Addr().String()
	server := embedded.New(embedded.Config{Secret: cfg.Secret, Routes: cfg.Routes, Listen: cfg.Listen, StoreDir: cfg.StoreDir})
	if n.Node, err = cluster.Join(ctx, n.srv, n.config(&cfg, server, addr)); err != nil {
		return err
	}
	defer n.Leave()
	n.write(message{Ready: &Ready{addr, server.Addr()}})
	return n.follow(ctx, orders)
}

// follow does what it is told.
func (n *node) follow(ctx context.Context, orders *json.Decoder) error {
	ended := make(chan error, 1)
	go func() {
		for {
			var o Order
			if err := orders.Decode(&o); err != nil {
				ended <- err
				return
			}
			n.write(message{Answer: n.obey(ctx, &o)})
		}
	}()
	done := n.Done()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			if !errors.Is(n.Err(), cluster.ErrLeft) {
				return n.Err()
			}
			done = nil // it was ordered to leave: the answer is written, and then the input ends
			continue
		case err := <-ended:
			return unlessEOF(err)
		}
	}
}

// unlessEOF is err, or nil for the end of the input.
func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// obey does what an order says, and returns its answer.
func (n *node) obey(ctx context.Context, o *Order) *Answer {
	a := &Answer{ID: o.ID}
	switch o.Do {
	case doWhere:
		a.Text = []string{n.Where(o.Name)}
	case doMembers:
		for _, m := range n.Presence(o.Name).Members() {
			a.Text = append(a.Text, m.User+"@"+m.Node)
		}
	case doStatus:
		a.Status = Status{n.Stats(), time.Now().UnixNano(), n.Nodes()}
	case doStall:
		n.stall()
	case doGoOn:
		close(n.goOn)
	case doStore:
		if err := n.storeReady(ctx); err != nil {
			a.Why = err.Error()
		}
	case doDrain:
		var err error
		if a.Moved, err = n.Drain(ctx, cluster.Drain{Over: drainOver}); err != nil {
			a.Why = err.Error()
		}
	}
	return a
}

// storeReady waits until the bucket of copies answers. Its servers elect a leader first.
func (n *node) storeReady(ctx context.Context) error {
	if n.copies == nil {
		return nil
	}
	for {
		one, cancel := context.WithTimeout(ctx, time.Second)
		_, _, err := n.copies.Get(one, "none")
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(storeRetry):
		case <-ctx.Done():
			return err
		}
	}
}

// stall has the server's loop do nothing until doGoOn. It returns when it does nothing.
func (n *node) stall() {
	n.goOn = make(chan struct{})
	stalled := make(chan struct{})
	goOn := n.goOn
	n.srv.Reactor().Post(func() { close(stalled); <-goOn })
	<-stalled
}

// serve makes the server. A client's token is the user that it is, and the rooms that it is in.
func (n *node) serve() {
	n.srv = peer.NewServer(withPackets(registry.New()), &peer.Config{Identity: peer.Identity{Authenticate: authenticate}})
	n.sessions = session.Serve(n.srv, &session.Config{OnNew: n.enter})
	peer.Handle(n.srv, post, n.sendOn)
}

func authenticate(c *peer.Conn, cred peer.Credentials) error {
	words := strings.Fields(string(cred.Token))
	if cluster.NodeOf(c) == "" && len(words) == 0 {
		return &peer.Denied{Why: "no user"}
	}
	c.SetData(words)
	return nil
}

// enter binds a session to its user, and has it join its rooms.
func (n *node) enter(s *session.Session) {
	words := s.Conn().Data().([]string)
	s.SetData(words[0])
	if n.Bind(s, words[0]) != nil {
		s.End(peer.ReasonGeneric)
		return
	}
	for _, room := range words[1:] {
		n.Room(room).Join(s)
	}
}

// sendOn sends a Post to its target. Its sender is told if that is not possible.
func (n *node) sendOn(c *peer.Conn, p *Post) error {
	s := session.Of(c)
	if s == nil {
		return peer.ReasonProtocol
	}
	from, _ := s.Data().(string)
	var to cluster.Target = cluster.User(p.To)
	if p.IsRoom {
		to = n.Room(p.To)
	}
	if err := cluster.Send(n.Node, to, note, &Note{from, *p}); err != nil {
		return session.Send(s, refused, &Refused{p.To, p.IsRoom, p.N, err.Error()})
	}
	return nil
}

// pack is what goes with a session to another node: its user.
func (n *node) pack(s *session.Session) []byte {
	user, _ := s.Data().(string)
	return []byte(user)
}

// arrived takes in a session that another node has had.
func (n *node) arrived(a cluster.Arrival) {
	user := string(a.Blob)
	a.Session.SetData(user)
	if a.From == "" {
		n.write(message{Event: &Event{Kind: hasCopied, User: user}})
	}
}

func (n *node) config(cfg *NodeConfig, server cluster.Server, addr string) cluster.Config {
	tell := func(e Event) { n.write(message{Event: &e}) }
	travel := cluster.Travel{Sessions: n.sessions, Advertise: addr, Pack: n.pack, Arrived: n.arrived}
	if cfg.Copies {
		n.copies = &cluster.Bucket{Replicas: len(cfg.Routes) + 1}
		travel.Copies = n.copies
	}
	return cluster.Config{
		Name: cfg.Name, Lease: cfg.Lease, Server: server, Travel: travel,
		OnUp:     func(node string) { tell(Event{Kind: hasUp, Node: node}) },
		OnDown:   func(node string, reason error) { tell(Event{Kind: hasDown, Node: node, Why: fmt.Sprint(reason)}) },
		OnMissed: func(user, _ string) { tell(Event{Kind: hasMissed, User: user}) },
		Joined:   func(room, user, node string) { tell(Event{Kind: hasJoined, Room: room, User: user, Node: node}) },
		Left:     func(room, user, node string) { tell(Event{Kind: hasLeft, Room: room, User: user, Node: node}) },
	}
}

// write writes a line. If nobody reads it, the end of the input ends the process.
func (n *node) write(m message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out.Encode(m)
}
