package clusterpeer

// The floor: nodes in the topology of packetmq's, client, node, server, route, server, node, client,
// and back, of which each hop is done in the barest way. A node passes on what came without a look at
// it: there are no acknowledgements, no order to keep, no bounds, no directory and no handlers. What
// this takes beyond NATS alone is the price of the topology, and what packetmq takes beyond this is
// its own.

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// floorBytes bounds a frame.
const floorBytes = 1 << 20

// floor is a node. The frames of its clients are a u32 with their length, and a u32 with a user, and
// the payload. The first one of a client has no payload: the client is this user. What comes
// after it is for the user that it names, who is at the other node.
type floor struct {
	bus   *floorBus
	other string // node

	mu    sync.Mutex
	users map[uint32]*batch // that are here; guarded by mu
}

// ServeFloorNode is a node of the floor's until ctx is done or in ends.
func ServeFloorNode(ctx context.Context, cfg Node, in io.Reader, out io.Writer) error {
	s, err := startNATS(cfg)
	if err != nil {
		return err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	bus, err := dialFloorBus(s, cfg.Name)
	if err != nil {
		return err
	}
	defer bus.Close()
	if cfg.Of == 1 { // the load joins, and asks
		go bus.read(func(payload []byte) *batch { return bus.publish(loadNode, payload) })
		return cfg.serve(ctx, in, out, s.Addr().String(), s.ClusterAddr().String(), s.NumRoutes)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	f := &floor{bus: bus, other: map[string]string{"n0": "n1", "n1": "n0"}[cfg.Name], users: make(map[uint32]*batch)}
	go bus.read(f.deliver)
	go f.accept(ln)
	return cfg.serve(ctx, in, out, ln.Addr().String(), s.ClusterAddr().String(), s.NumRoutes)
}

func (f *floor) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		go f.client(nc)
	}
}

// client passes on what a client sends, and begins with who it is.
func (f *floor) client(nc net.Conn) {
	defer nc.Close()
	w := newBatch(nc)
	var self uint32
	readFloorFrames(nc, func(frame []byte) *batch {
		if user := binary.BigEndian.Uint32(frame); len(frame) == 4 {
			self = user
			f.be(user, w)
			return w.addFrame(frame) // it comes back
		}
		return f.bus.publish(f.other, frame)
	})
	f.be(self, nil)
}

// be has what is for a user written to w; nil: he is gone.
func (f *floor) be(user uint32, w *batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users[user] = w; w == nil {
		delete(f.users, user)
	}
}

// deliver passes a message of the other node on to a user.
func (f *floor) deliver(payload []byte) *batch {
	if len(payload) < 4 {
		return nil
	}
	f.mu.Lock()
	w := f.users[binary.BigEndian.Uint32(payload)]
	f.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.addFrame(payload)
}

// ServeFloor serves by nodes of the floor's, in the modes user and ask.
func ServeFloor(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode == "across" || mode == "alone" || mode == "still" {
		mode = "other"
	}
	return serveNodes(ctx, "natsfloor", addr, mode, out)
}

// newFloorServer starts a server of NATS for a load, and its conn.
func newFloorServer(join string) (*server.Server, *floorBus, error) {
	s, err := startNATS(Node{Name: loadNode, Join: join})
	if err != nil {
		return nil, nil, err
	}
	bus, err := dialFloorBus(s, loadNode)
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, nil, err
	}
	return s, bus, nil
}

// loadNode is the name of a load that is a node.
const loadNode = "load"
