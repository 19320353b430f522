package bench

// Memory clients that leave a server all at once.

import (
	"context"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// gatherMembers connects n memory clients to a server, over a reactor of their
// own, so that the server's loop has their ends to see and nothing else of
// them. They leave, all at once, when leave is called first.
func gatherMembers(ctx context.Context, server *peer.Server, n int) (leave func(), err error) {
	reg, _, err := clientRegistry()
	if err != nil {
		return nil, err
	}
	members := peer.NewMemoryClient(reg, &peer.Config{Engine: &engine.Config{MaxConns: n}})
	leave = func() { members.Close() }
	if err := members.RunAsync(); err != nil {
		return nil, err
	}
	for range n {
		if _, err := members.Connect(ctx, server); err != nil {
			leave()
			return nil, err
		}
	}
	return leave, nil
}
