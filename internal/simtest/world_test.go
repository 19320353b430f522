package simtest

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type number struct{ N int }

// talk has a client count to a server over transports with faults, and returns how many packets
// have come, and why the conn ended, nil if it did not.
func talk(t *testing.T, seed uint64, faults bool) (w *World, came int, end error) {
	const packets = 50
	numbers := registry.Define[number]("test:number", 40)
	w = New(seed, 2)
	var srv *peer.MemoryServer
	var cli *peer.MemoryClient
	var lost error
	sent := 0
	w.Run(t, func() {
		reg, other := registry.New(), registry.NewAdapting()
		reg.MustAdd(numbers)
		other.MustAdd(numbers)
		cfg := w.Config()
		cfg.OnLost = func(_ *peer.Conn, reason error) { lost = reason }
		srv, cli = peer.NewMemoryServer(reg, cfg), peer.NewMemoryClient(other, w.Config())
		peer.Handle(srv, numbers, func(_ *peer.Conn, v *number) error {
			if v.N != came {
				w.Fail("%d came after %d", v.N, came)
			}
			came++
			w.Note("%d", v.N)
			return nil
		})
		if err := cli.ConnectAsync(srv); err != nil {
			t.Error(err)
		}
		w.Settle()
	}, func() {
		switch k := w.IntN(10); {
		case k < 6:
			w.Turn()
		case k < 7:
			w.Advance(time.Millisecond)
		case k < 8 && faults:
			w.Meddle(2)
		case sent < packets:
			for c := range cli.Conns() {
				if peer.Send(c, numbers, &number{sent}) == nil {
					sent++
				}
			}
		}
	}, func() {
		w.Heal()
		for range 3 {
			w.Settle()
			w.Advance(time.Second)
		}
		w.Settle()
		if lost == nil && came != sent {
			w.Fail("%d packets came of %d", came, sent)
		}
		end = lost // before the reactors close
	})
	return w, came, end
}

// Packets come in order through all faults, all of them unless the conn is cut.
func TestWires(t *testing.T) {
	cut, whole := 0, 0
	for seed := range uint64(50) {
		w, _, lost := talk(t, seed, true)
		if w.Failure != "" {
			t.Errorf("seed %d: %s", seed, w.Failure)
		}
		if lost != nil {
			cut++
		} else {
			whole++
		}
	}
	if cut == 0 || whole == 0 {
		t.Errorf("%d conns were cut, and %d were not", cut, whole)
	}
	if _, came, lost := talk(t, 1, false); lost != nil || came != 50 {
		t.Errorf("without faults %d packets came, and the conn ended with %v", came, lost)
	}
}

// The same seed has the same trace, and another one another.
func TestTraces(t *testing.T) {
	trace := func(seed uint64) uint64 { w, _, _ := talk(t, seed, true); return w.Trace() }
	if a, b := trace(3), trace(3); a != b {
		t.Error("two runs of a seed differ")
	}
	if trace(3) == trace(4) {
		t.Error("two seeds are the same run")
	}
}

// The first failure ends the run, and says in which step it was.
func TestFail(t *testing.T) {
	w, acts := New(1, 1), 0
	w.Run(t, func() {}, func() {
		if acts++; acts == 3 {
			w.Fail("no %d", 1)
			w.Fail("no %d", 2)
		}
	}, func() { w.Fail("%v", errors.ErrUnsupported) })
	if w.Failure != "step 2: no 1" || acts != 3 {
		t.Errorf("after %d steps the failure is %q", acts, w.Failure)
	}
}
