package bench

// Memory clients on a server's own loop, for the command run.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// memoryClients are clients of a server in its own process and on its own loop,
// each with some packets under way. Unlike its traffic, it is not the loop's.
type memoryClients struct {
	server  *peer.Server
	conns   int
	traffic *traffic
}

// connectMemory connects n clients, which are silent until start. They end with
// the server.
func connectMemory(ctx context.Context, server *peer.Server, n, depth, size int) (*memoryClients, error) {
	reg, echo, err := clientRegistry()
	if err != nil {
		return nil, err
	}
	m := &memoryClients{server: server, conns: n, traffic: newTraffic(echo, depth, size)}
	cfg := &peer.Config{Reactor: server.Reactor(), Events: peer.Events{OnMade: m.traffic.made, OnLost: m.traffic.lost}}
	for range n {
		client := peer.NewMemoryClient(reg, cfg)
		client.Untyped().HandleRaw(replyName, m.traffic.reply)
		if _, err := client.Connect(ctx, server); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *memoryClients) start() error {
	return on(m.server.Reactor(), m.traffic.start)
}

func (m *memoryClients) sample() (s sample, err error) {
	err = on(m.server.Reactor(), func() { s = m.traffic.sample() })
	return s, err
}

func (m *memoryClients) finish(patience time.Duration) (result, error) {
	return finish(m.server.Reactor(), m.traffic, patience)
}
