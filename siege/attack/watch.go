package attack

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// watch notes how much memory a server has before an attack, of which the peak counts from now
// on, and starts n probes beside it.
func watch(ctx context.Context, s *target.Server, n int, pause time.Duration) (before int64, probes *client.Probes, err error) {
	if before, err = s.RSS(); err != nil {
		return 0, nil, err
	}
	if err = s.ResetPeak(); err != nil {
		return 0, nil, err
	}
	probes, err = client.StartProbes(ctx, &s.Endpoint, n, pause)
	return before, probes, err
}
