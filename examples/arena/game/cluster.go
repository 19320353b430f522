package game

// An arena of several nodes: players of all of them are in the same rooms. Each node decides
// where its own players are, and tells the other nodes.

import (
	"context"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// Cluster makes the server of an arena a node. This module has none: a Cluster needs NATS.
type Cluster interface {
	// Join makes srv a node. The functions of n are called on srv's loop.
	Join(ctx context.Context, srv *peer.Server, n Node) (Others, error)

	// IsNode reports whether a conn is one with another node.
	IsNode(c *peer.Conn) bool
}

// Node is what a node is, and what it wants to hear.
type Node struct {
	Name   string
	Secret string   // of the nodes of a cluster
	Routes []string // to other nodes

	// Joined and Left are called for each player in a room, at whatever node.
	Joined, Left func(room, player, node string)
}

// Others are the other nodes. All methods but Close are called on the server's loop.
type Others interface {
	// Route is where others reach this node.
	Route() string

	// Bind says that a player is here. Where it was before, its session ends.
	Bind(s *session.Session, player string) error

	// Enter makes a player's session a member of a room, and Leave ends that.
	Enter(room string, s *session.Session) error
	Leave(room string, s *session.Session)

	// Tell says something to all players in a room, and Whisper to one; false: he is nowhere.
	Tell(room string, pkt registry.Packet[Said], m *Said) error
	Whisper(player string, pkt registry.Packet[Said], m *Said) (bool, error)

	// Conn is the conn to another node; nil if there is none now.
	Conn(node string) *peer.Conn

	Close() error
}

// Places is arena:places: where the players of a node are who are in a room.
type Places struct {
	Room string
	At   []Pos
}

// remote is the part of a room that is at other nodes. Loop only.
type remote map[string]string // by player: the node

// nodes are those at which players of the room are.
func (r remote) nodes() map[string]bool {
	nodes := make(map[string]bool)
	for _, node := range r {
		nodes[node] = true
	}
	return nodes
}

// joinCluster makes the arena a node. It is called before the arena has players.
func (a *arena) joinCluster(ctx context.Context, c Cluster, n Node) error {
	a.isNode = c.IsNode
	a.remote = make(map[string]remote)
	n.Joined = func(room, player, node string) {
		if node != n.Name {
			a.joinedElsewhere(room, player, node)
		}
	}
	n.Left = func(room, player, node string) {
		if node != n.Name {
			a.leftElsewhere(room, player, node)
		}
	}
	peer.Handle(a, places, a.onPlaces)
	var err error
	if a.others, err = c.Join(ctx, a.Server, n); err != nil {
		return err
	}
	return a.Reactor().Loops()[0].Post(func() {
		a.Reactor().Loops()[0].Every(time.Duration(float64(time.Second)/a.hz), a.tellPlaces)
	})
}

func (a *arena) joinedElsewhere(room, player, node string) {
	r := a.remote[room]
	if r == nil {
		r = make(remote)
		a.remote[room] = r
	}
	r[player] = node
}

// leftElsewhere forgets a player of another node, unless he is at a third one by now, or here.
func (a *arena) leftElsewhere(room, player, node string) {
	if r := a.remote[room]; r[player] == node {
		delete(r, player)
		if len(r) == 0 {
			delete(a.remote, room)
		}
		h, p := a.halls[room], a.players[player]
		if h != nil && (p == nil || p.hall != h) {
			h.positions.Delete(idOf(player))
		}
	}
}

// tellPlaces tells other nodes where this one's players are, in rooms that both have players in.
func (a *arena) tellPlaces() {
	if len(a.remote) == 0 {
		return
	}
	at := make(map[*hall][]Pos)
	for _, p := range a.players {
		if p.hall != nil && len(a.remote[p.hall.Name()]) > 0 {
			at[p.hall] = append(at[p.hall], p.at)
		}
	}
	for h, list := range at {
		for node := range a.remote[h.Name()].nodes() {
			if c := a.others.Conn(node); c != nil {
				peer.Send(c, places, &Places{h.Name(), list}) // what is lost is told again
			}
		}
	}
}

// onPlaces shows players of another node to those of this one.
func (a *arena) onPlaces(c *peer.Conn, m *Places) error {
	if !a.isNode(c) {
		return noSession
	}
	h := a.halls[m.Room]
	if h == nil {
		return nil // the last one has just left
	}
	for i := range m.At {
		if p := a.byID[m.At[i].ID]; p != nil && p.hall == h {
			continue // he has come here, and the other node does not know yet
		}
		a.check("the players", h.positions.Set(&m.At[i]))
	}
	return nil
}

// idOf is the ID of a player in an arena of several nodes: all of them know it by the name.
// JavaScript's numbers have 53 bits.
func idOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64() >> 12
}

// bind says that a player is here. False: he cannot be.
func (a *arena) bind(p *player) bool {
	if a.others == nil {
		return true
	}
	if err := a.others.Bind(p.session, p.name); err != nil {
		a.Log(slog.LevelWarn, "player cannot be at this node", "name", p.name, "err", err)
		return false
	}
	return true
}
