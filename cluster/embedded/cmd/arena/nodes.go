package main

// What the arena needs of a cluster, by package cluster.

import (
	"context"
	"errors"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/embedded"
	"github.com/packetmq/packetmq/examples/arena/game"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// nodes implements game.Cluster.
type nodes struct{}

// Join implements game.Cluster.
func (nodes) Join(ctx context.Context, srv *peer.Server, n game.Node) (game.Others, error) {
	server := embedded.New(embedded.Config{Secret: n.Secret, Routes: n.Routes})
	node, err := cluster.Join(ctx, srv, cluster.Config{Name: n.Name, Server: server, Joined: n.Joined, Left: n.Left})
	if err != nil {
		return nil, err
	}
	return others{node, server.Addr()}, nil
}

// IsNode implements game.Cluster.
func (nodes) IsNode(c *peer.Conn) bool { return cluster.NodeOf(c) != "" }

// others implements game.Others.
type others struct {
	node  *cluster.Node
	route string
}

// Route implements game.Others.
func (o others) Route() string { return o.route }

// Bind implements game.Others.
func (o others) Bind(s *session.Session, player string) error { return o.node.Bind(s, player) }

// Enter implements game.Others.
func (o others) Enter(room string, s *session.Session) error { return o.node.Room(room).Join(s) }

// Leave implements game.Others.
func (o others) Leave(room string, s *session.Session) { o.node.Room(room).Leave(s) }

// Tell implements game.Others.
func (o others) Tell(room string, pkt registry.Packet[game.Said], m *game.Said) error {
	return cluster.Send(o.node, o.node.Room(room), pkt, m)
}

// Whisper implements game.Others.
func (o others) Whisper(player string, pkt registry.Packet[game.Said], m *game.Said) (bool, error) {
	err := cluster.Send(o.node, cluster.User(player), pkt, m)
	return !errors.Is(err, cluster.ErrNoUser), err
}

// Conn implements game.Others.
func (o others) Conn(node string) *peer.Conn { return o.node.Node(node) }

// Close implements game.Others.
func (o others) Close() error { return o.node.Leave() }
