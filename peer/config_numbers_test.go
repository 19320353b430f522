package peer

import (
	"math"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// With any numbers in its Config a peer takes a conn, passes packets and ends.
func TestOddNumbersInAConfig(t *testing.T) {
	for name, n := range map[string]int64{
		"zero": 0, "negative": -1, "least": math.MinInt64, "huge": math.MaxInt64,
		"a third turns over": math.MaxInt64/3*2 + 5, "a half and one": math.MaxInt64/2 + 1,
	} {
		t.Run(name, func(t *testing.T) {
			d, i := time.Duration(n), int(n)
			setUp := func(s, c *side) {
				for _, cfg := range []*Config{&s.cfg, &c.cfg} {
					cfg.MaxFrame, cfg.Handshake, cfg.QuitGrace, cfg.HalfOpen, cfg.HalfOpenPerAddr = i, d, d, i, i
					cfg.WorkInOrder, cfg.PerAddr, cfg.RatePerAddr, cfg.FrameTime, cfg.Ping, cfg.Idle = i, i, float64(n), d, d, d
					cfg.Overflow, cfg.PacketLog, cfg.Connect = registry.Overflow(n), min(i, 10), d
					cfg.Reconnect = &Backoff{Min: d, Max: d, Attempts: i}
					cfg.Payload = codec.Limits{Depth: max(i, 0), Elements: max(i, 0), Budget: max(i, 0)}
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				pings := inbox(t, w.server, w.s.ping, 1)
				sc, cc := w.handshake(t)
				for range 3 {
					if err := Send(cc, w.c.ping, &note{}); err != nil {
						t.Fatal(err)
					}
					wait(t, "packet", pings)
				}
				for _, c := range []*Conn{sc, cc} { // a look right away ends neither
					c.Loop().Call(t.Context(), func() { c.checkSilence(c.now() + engine.Ticks(time.Second/engine.Tick)) })
				}
				nothing(t, "event", w.s.events)
				cc.Untyped().SetState(State(200))
				cc.SetOverflow(registry.Overflow(200))
				if cc.State() != Active {
					t.Error(cc.State())
				}
				cc.Softquit("")
				w.s.next(t, "lost")
			})
		})
	}
}

// A policy that there is none of is as good as none: the next one asked decides.
func TestNoSuchOverflow(t *testing.T) {
	for _, test := range []struct {
		of, on, want registry.Overflow // of the peer, on the conn
	}{
		{0, 0, registry.Refuse},
		{registry.DropOldest, 0, registry.DropOldest},
		{registry.DropOldest, registry.DropNewest, registry.DropNewest},
		{registry.DropOldest, registry.DropOldest + 1, registry.DropOldest},
		{registry.DropOldest + 1, 0, registry.Refuse},
		{255, 255, registry.Refuse},
		{255, registry.CloseSlow, registry.CloseSlow},
	} {
		client := NewClient(registry.NewAdapting(), &Config{Overflow: test.of})
		c, err := client.newConn()
		if err != nil {
			t.Fatal(err)
		}
		c.makeRare().overflow.Store(uint32(registry.CloseSlow)) // to be overwritten
		c.SetOverflow(test.on)
		if got := c.overflowPolicy(nil); got != test.want {
			t.Errorf("Config.Overflow %d, SetOverflow(%d): policy %d, want %d", test.of, test.on, got, test.want)
		}
		client.Close()
	}
}
