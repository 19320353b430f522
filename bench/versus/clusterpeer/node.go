package clusterpeer

// A node of packetmq's: a server for clients, which sends what they say to users and rooms at any
// node.

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/embedded"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The packets between clients and nodes. Payloads are passed on as they came.
var (
	joins  = registry.Define[codec.Raw]("bench:join", caller.JoinID)
	says   = registry.Define[codec.Raw]("bench:say", caller.SayID)
	heard  = registry.Define[codec.Raw]("bench:heard", caller.HeardID)
	be     = registry.Define[string]("bench:be", 20)  // the conn is this user; it comes back
	aim    = registry.Define[string]("bench:aim", 21) // what the conn tells is for this user; it comes back when he is known
	tells  = registry.Define[codec.Raw]("bench:tell", 22)
	counts = registry.Define[uint64]("bench:count", caller.CountID) // how many packets for rooms went to other nodes
	echoes = call.Define[codec.Raw, codec.Raw]("bench:ask", 24)
)

func nodePackets() []registry.Definition {
	return append([]registry.Definition{joins, says, heard, be, aim, tells, counts}, echoes.Packets()...)
}

// newServer makes a server with all packets.
func newServer() (*peer.Server, error) {
	reg := registry.New()
	if err := reg.Add(nodePackets()...); err != nil {
		return nil, err
	}
	return peer.NewServer(reg, &peer.Config{Logger: slog.New(slog.DiscardHandler)}), nil
}

// ServeNode is a node of packetmq's until ctx is done or in ends.
func ServeNode(ctx context.Context, cfg Node, in io.Reader, out io.Writer) error {
	srv, err := newServer()
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := srv.RunAsync(); err != nil {
		return err
	}
	n, server, err := join(ctx, srv, cfg, nil)
	if err != nil {
		return err
	}
	defer n.Leave()
	answer(srv, n)
	ln, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	return cfg.serve(ctx, in, out, ln.Addr().String(), server.Addr(), func() int { return len(n.Nodes()) })
}

// join joins the cluster with an embedded server, which ends with the node. isUp is
// cluster.Config.OnUp.
func join(ctx context.Context, srv *peer.Server, cfg Node, isUp func(node string)) (*cluster.Node, *embedded.Server, error) {
	own := embedded.Config{}
	if cfg.Join != "" {
		own.Routes = []string{cfg.Join}
	}
	server := embedded.New(own)
	n, err := cluster.Join(ctx, srv, cluster.Config{Name: cfg.Name, Server: server, OnUp: isUp})
	return n, server, err
}

// answer has the server do what clients and other nodes ask for.
func answer(srv *peer.Server, n *cluster.Node) {
	lobby := n.Room("lobby")
	back := joins.In(srv.Registry())
	peer.HandleRaw(srv, joins, func(c *peer.Conn, b []byte) error {
		if err := lobby.Join(c); err != nil {
			return err
		}
		return c.ReplyRaw(back, b)
	})
	peer.HandleRaw(srv, says, func(_ *peer.Conn, b []byte) error {
		v := codec.Raw(b)
		return cluster.Send(n, lobby, heard, &v)
	})
	peer.Handle(srv, counts, func(c *peer.Conn, _ *uint64) error {
		crossed := n.Stats().Crossed
		return peer.Reply(c, counts, &crossed)
	})
	peer.Handle(srv, be, func(c *peer.Conn, user *string) error {
		if err := n.Bind(c, *user); err != nil {
			return err
		}
		return peer.Reply(c, be, user)
	})
	peer.Handle(srv, aim, func(c *peer.Conn, user *string) error {
		c.SetData(cluster.User(*user))
		whenKnown(n, *user, func() {
			if err := peer.Send(c, aim, user); err != nil {
				c.Abort(err)
			}
		})
		return nil
	})
	peer.HandleRaw(srv, tells, func(c *peer.Conn, b []byte) error {
		v := codec.Raw(b)
		return cluster.Send(n, c.Data().(cluster.User), heard, &v)
	})
	call.Handle(srv, echoes, func(_ *call.Context, v *codec.Raw) (*codec.Raw, error) { return v, nil })
}

// whenKnown calls f when the node knows where a user is. It is called on the server's only loop, on
// which f is called too, after whenKnown has returned.
func whenKnown(n *cluster.Node, user string, f func()) {
	var stop func()
	stop = n.WatchUser(user, func(node string) {
		if node != "" {
			stop()
			f()
		}
	})
}

// Serve serves by packetmq's nodes: two in mode user, one in mode ask, which the load joins, three in
// modes across and still, and one with all members of the room in mode alone.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	return serveNodes(ctx, "packetmq", addr, mode, out)
}

func serveNodes(ctx context.Context, library, addr, mode string, out io.Writer) error {
	if addr != "127.0.0.1:0" {
		return fmt.Errorf("clusterpeer: address %s: nodes listen at ports of their own", addr)
	}
	switch mode {
	case "user":
		return serving(ctx, library, usersNodes, out)
	case "across", "still":
		return serving(ctx, library, roomNodes, out)
	case "alone":
		return serving(ctx, library, 1, out)
	case "ask":
		return joinable(ctx, library, out)
	}
	return fmt.Errorf("clusterpeer: no mode %q: want user, ask, across, alone or still", mode)
}
