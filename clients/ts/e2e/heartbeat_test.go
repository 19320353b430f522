package e2e

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// Each side sends heartbeats, and the other one answers them.
func TestHeartbeats(t *testing.T) {
	type seen struct {
		RTT    float64 // milliseconds, at the script
		Server int32   // microseconds, at the server
	}
	everywhere(t, "heartbeat", func(t testing.TB) string {
		return listen(t, func(s *side) {
			peer.Handle(s, note, func(c *peer.Conn, _ *Note) error {
				return peer.Reply(c, echo, &Note{N: int32(c.RTT() / time.Microsecond)})
			})
		}, func(c *peer.Config) { c.Ping, c.Idle = 500*time.Millisecond, time.Minute })
	}, func(t *testing.T, got seen) {
		if got.RTT <= 0 || got.Server <= 0 {
			t.Errorf("the script has measured %v ms, the server %d µs", got.RTT, got.Server)
		}
	})
}
