package peer

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// greet does the other side's part of a handshake, with or without heartbeats.
func (p *patient) greet(beats bool) {
	b := codec.AppendFrame(nil, registry.IDInit, initMsg{version: 1, beats: beats}.append(nil))
	b = codec.AppendFrame(b, registry.IDPubIDs, pubIDsMsg{adapt: true}.append(nil))
	p.feed(codec.AppendFrame(b, registry.IDFinish, []byte{0xc0}))
	if p.made != 1 {
		p.t.Fatal("the handshake is not done")
	}
}

// Silence counts from what was heard last, not from when somebody looked: a conn
// ends when the documented time is over, up to two ticks later.
func TestSilenceCountsFromTheLastInput(t *testing.T) {
	for name, test := range map[string]struct {
		ping, idle time.Duration
		beats      bool
		limit      time.Duration
	}{
		"by default":            {0, 0, true, 90 * time.Second},
		"idle time":             {-1, 10 * time.Second, false, 10 * time.Second},
		"idle time and beats":   {0, 45 * time.Second, true, 45 * time.Second},
		"beats are rare":        {time.Hour, 7 * time.Second, true, 7 * time.Second},
		"no multiple of a tick": {-1, 1100 * time.Millisecond, false, 1100 * time.Millisecond},
	} {
		for _, said := range []time.Duration{0, 100 * time.Millisecond, 29 * time.Second, 31 * time.Second, 95 * time.Second} {
			p := newPatient(t, false)
			p.c.peer.cfg.Ping, p.c.peer.cfg.Idle = test.ping, test.idle
			if test.ping == 0 {
				p.c.peer.cfg.Ping = DefaultPing
			}
			p.greet(test.beats)
			step := 50 * time.Millisecond
			for at := time.Duration(0); at < said; at += step { // a packet now and then
				if p.pass(step); at%(test.limit/4/step*step) == 0 {
					p.feed(codec.AppendFrame(nil, 17, []byte{0xc0}))
				}
			}
			p.feed(codec.AppendFrame(nil, 17, []byte{0xc0}))
			if p.lost != 0 {
				t.Fatalf("%s: lost after %v while it spoke: %v", name, said, p.why)
			}
			silent := time.Duration(0)
			for ; p.lost == 0 && silent < 2*test.limit; silent += step {
				p.pass(step)
			}
			if silent < test.limit || silent > test.limit+2*engine.Tick+step || !errors.Is(p.why, ErrIdle) {
				t.Errorf("%s: ended after %v of silence after %v, want %v: %v", name, silent, said, test.limit, p.why)
			}
			p.v.Close()
		}
	}
}

// The time of a round trip is known soon after the conn was made, to sides that know
// heartbeats; others are sent none.
func TestRTTIsKnownAtOnce(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		eventually(t, "round-trip times", func() bool { return sc.RTT() > 0 && cc.RTT() > 0 })
	})
	s := newSide(false, 17, 18)
	w := dialWire(t, s)
	w.shake(3)
	c := s.next(t, "made").conn
	c.Softquit("reason.bye")
	w.expect(registry.IDSoftquit)
}
