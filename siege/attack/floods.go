package attack

// Rows floods and costly: hundreds of conns that send as fast as they can, the
// smallest packets that there are, or the ones that take longest to decode.

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// tryFloods measures latency without an attack, and beside conns that send answers
// to heartbeats which nobody sent. These are the smallest legal packets, and
// nothing comes back.
func tryFloods(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	pong := wire.EncodeFrame(wire.IDPong, append([]byte{0xcf}, make([]byte, 8)...))
	return tryFloodGroups(ctx, t, s, client.Batch(pong), len(pong), t.pick(100, 10), t.pick(400, 20))
}

// tryCostly does the same beside conns whose payloads are legal and cost the server
// far more than the client.
func tryCostly(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Mode: "any"})
	if err != nil {
		return err
	}
	frame := wire.EncodeFrame(wire.IDEcho, pairs())
	return tryFloodGroups(ctx, t, s, frame, len(frame), t.pick(50, 5))
}

// pairs returns an array of maps of one pair each, as many as a payload may have.
func pairs() []byte {
	const n = 21_800 // and with their pairs 65,400 elements
	b := binary.BigEndian.AppendUint32([]byte{0xdd}, n)
	for range n {
		b = append(b, 0x81, 1, 0xc0)
	}
	return b
}

// tryFloodGroups measures latency beside groups of each of some sizes. All conns of
// a group send the same piece again and again, which is made of frames of that
// length.
func tryFloodGroups(ctx context.Context, t *trial, s *target.Server, piece []byte, frame int, sizes ...int) error {
	probes, err := client.StartProbes(ctx, &s.Endpoint, t.pick(100, 20), 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := t.roundLength()
	var mobs []*floodGroup
	var attacks []func(context.Context) (time.Duration, error)
	for _, n := range sizes {
		m := &floodGroup{t: t, s: s, probes: probes, length: length, conns: n, piece: piece}
		mobs, attacks = append(mobs, m), append(attacks, m.attack)
	}
	alone := func(ctx context.Context) (time.Duration, error) { return probes.Round(ctx, length) }
	b := comparison{server: s, want: t.pick(3, 1)}
	for !b.done() {
		if err := b.measure(ctx, alone, attacks...); err != nil {
			return err
		}
		var beside string
		for i, m := range mobs {
			beside += ", " + figures.Latency(b.beside(i)) + " beside " + figures.Count(m.conns) + " with " + figures.Count(m.rate(frame)) + " packets/s"
		}
		t.show("p99 of %d others %s alone%s (CPU used by others %.0f %%)", probes.Len(), figures.Latency(b.alone()), beside, 100*b.othersCPU())
	}
	_, worst, err := probes.Stop()
	t.check(err == nil, "a polite conn: %v", err)
	limit := b.scale(t.bound(crowdedP99))
	for i, m := range mobs {
		t.check(b.beside(i) <= limit, "p99 beside %d conns is %v (rounds: %v; the most: %v), alone %v; want at most %v; others used %.0f %% of the CPU",
			m.conns, b.beside(i), b.besideRounds(i), worst, b.alone(), limit, 100*b.othersCPU())
	}
	return nil
}

// floodGroup is a number of conns that flood together.
type floodGroup struct {
	t      *trial
	s      *target.Server
	probes *client.Probes
	length time.Duration
	conns  int
	piece  []byte

	bytes int64
	took  time.Duration
}

// rate returns how many packets a second the server took.
func (m *floodGroup) rate(frame int) int64 {
	return int64(float64(m.bytes) / float64(frame) / max(m.took.Seconds(), 1e-9))
}

// attack measures a round of the probes beside the group.
func (m *floodGroup) attack(ctx context.Context) (p99 time.Duration, err error) {
	all, err := client.ConnectAll(ctx, m.s.Dial, m.conns, wire.HandshakeWith(wire.InitWithHeartbeat(), true))
	if err != nil {
		return 0, err
	}
	defer client.ResetAll(all)
	p, err := client.NewSender(all, client.Forever(m.piece))
	if err != nil {
		return 0, err
	}
	p.Reads = true
	flooding, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		p.Run(flooding)
	}()
	err = client.Sleep(ctx, m.length/5) // every socket is full
	if err == nil {
		p99, err = m.probes.Round(ctx, m.length)
	}
	stop()
	<-ended
	m.took += time.Since(began)
	m.bytes += p.Written
	m.t.check(p.Closed() < m.conns, "all of the %d conns that flood were closed", m.conns)
	client.ResetAll(all)
	if err == nil {
		err = m.s.WaitConns(ctx, m.probes.Len()) // what it has read of them is done with
	}
	return p99, err
}
