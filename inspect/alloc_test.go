package inspect

import (
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// tick is a packet without pointers.
type tick struct{ N int }

var ticks = registry.Define[tick]("test:tick", 50, registry.Reuse())

// rally sends packets to and fro on one loop, both sides in memory.
type rally struct {
	client *peer.Conn
	left   int
	done   chan struct{}
}

func newRally(t *testing.T, look func(srv *peer.MemoryServer)) *rally {
	t.Helper()
	reg, far := registry.New(), registry.NewAdapting()
	reg.MustAdd(ticks)
	far.MustAdd(ticks)
	srv := peer.NewMemoryServer(reg, nil)
	cli := peer.NewMemoryClient(far, &peer.Config{Reactor: srv.Reactor()})
	t.Cleanup(func() { cli.Close(); srv.Close() })
	r := &rally{done: make(chan struct{}, 1)}
	peer.Handle(srv, ticks, func(c *peer.Conn, v *tick) error { return peer.Reply(c, ticks, v) })
	peer.Handle(cli, ticks, func(c *peer.Conn, v *tick) error {
		if r.left--; r.left <= 0 {
			r.done <- struct{}{}
			return nil
		}
		return peer.Reply(c, ticks, v)
	})
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.client, err = cli.Connect(t.Context(), srv); err != nil {
		t.Fatal(err)
	}
	look(srv)
	return r
}

// run sends n packets to and n fro.
func (r *rally) run(t *testing.T, n int) {
	r.client.Loop().Post(func() {
		r.left = n
		if err := peer.Send(r.client, ticks, &tick{}); err != nil {
			t.Error(err)
		}
	})
	await.Value(t, "end of the rally", r.done)
}

// A packet allocates nothing because somebody looks, or because handlers' times are measured.
func TestLookingAllocatesNothing(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	const packets = 5000
	for what, look := range map[string]func(srv *peer.MemoryServer){
		"nobody looks": func(*peer.MemoryServer) {},
		"somebody looks": func(srv *peer.MemoryServer) {
			if _, err := New(srv, Config{}).Snapshot(t.Context(), Query{}); err != nil {
				t.Fatal(err)
			}
		},
		"times are measured": func(srv *peer.MemoryServer) {
			if _, err := New(srv, Config{Timing: true}).Snapshot(t.Context(), Query{}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		r := newRally(t, look)
		r.run(t, packets)
		if n := testing.AllocsPerRun(5, func() { r.run(t, packets) }); n > packets/100 {
			t.Errorf("%s: %v objects for %d packets there and back", what, n, packets)
		}
	}
}
