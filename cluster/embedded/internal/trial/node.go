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
)

// Answer is what an Order is answered with. Text is empty for what there is nothing to tell about.
type Answer struct {
	ID     int
	Text   []string
	Status Status
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

// node is a node with its server.
type node struct {
	*cluster.Node
	srv *peer.Server

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
	server := embedded.New(embedded.Config{Secret: cfg.Secret, Routes: cfg.Routes})
	var err error
	if n.Node, err = cluster.Join(ctx, n.srv, n.config(&cfg, server)); err != nil {
		return err
	}
	defer n.Leave()
	ln, err := n.srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	n.write(message{Ready: &Ready{"tcp://" + ln.Addr().String(), server.Addr()}})
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
			n.write(message{Answer: n.obey(&o)})
		}
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-n.Done():
		return n.Err()
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// obey does what an order says, and returns its answer.
func (n *node) obey(o *Order) *Answer {
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
	}
	return a
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
	session.Serve(n.srv, &session.Config{OnNew: n.enter})
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

func (n *node) config(cfg *NodeConfig, server cluster.Server) cluster.Config {
	tell := func(e Event) { n.write(message{Event: &e}) }
	return cluster.Config{
		Name: cfg.Name, Lease: cfg.Lease, Server: server,
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
