package attack

import (
	"context"
	"encoding/binary"
	"time"
)

// tryFloods measures a crowd's latency alone, and beside hundreds of conns that
// send answers to heartbeats that nobody sent: the tiniest of what is legal, and
// nothing comes back.
func tryFloods(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	pong := frameOf(idPong, append([]byte{0xcf}, make([]byte, 8)...))
	return tryMobs(ctx, t, s, batch(pong), len(pong), t.of(100, 10), t.of(400, 20))
}

// tryCostly does the same beside conns whose payloads cost the server far more
// than they cost them, and are legal.
func tryCostly(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{mode: "any"})
	if err != nil {
		return err
	}
	frame := frameOf(idEcho, pairs())
	return tryMobs(ctx, t, s, frame, len(frame), t.of(50, 5))
}

// pairs is an array of maps of one pair each, as many as a payload may have.
func pairs() []byte {
	const n = 21_800 // and with their pairs 65,400 elements
	b := binary.BigEndian.AppendUint32([]byte{0xdd}, n)
	for range n {
		b = append(b, 0x81, 1, 0xc0)
	}
	return b
}

// tryMobs measures beside mobs of each of some sizes, which say the same piece,
// of frames of that length, again and again.
func tryMobs(ctx context.Context, t *trial, s *server, piece []byte, frame int, sizes ...int) error {
	polite, err := gather(ctx, s, t.of(100, 20), 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := time.Second
	if t.quick {
		length /= 5
	}
	var mobs []*mob
	var attacks []func(context.Context) (time.Duration, error)
	for _, n := range sizes {
		m := &mob{t: t, s: s, polite: polite, length: length, conns: n, piece: piece}
		mobs, attacks = append(mobs, m), append(attacks, m.attack)
	}
	alone := func(ctx context.Context) (time.Duration, error) { return polite.round(ctx, length) }
	b := bouts{server: s, want: t.of(3, 1)}
	for !b.done() {
		if err := b.fight(ctx, alone, attacks...); err != nil {
			return err
		}
		var beside string
		for i, m := range mobs {
			beside += ", " + span(b.beside(i)) + " beside " + count(m.conns) + " with " + count(m.rate(frame)) + " packets/s"
		}
		t.figure("p99 of %d others %s alone%s (CPU used by others %.0f %%)", len(polite.conns), span(b.alone()), beside, 100*b.busy())
	}
	_, worst, err := polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	limit := b.stretch(t.within(crowdedP99))
	for i, m := range mobs {
		t.want(b.beside(i) <= limit, "p99 beside %d conns is %v (rounds: %v; the most: %v), alone %v; want at most %v; others used %.0f %% of the CPU",
			m.conns, b.beside(i), b.each(i), worst, b.alone(), limit, 100*b.busy())
	}
	return nil
}

// mob is a number of conns that flood together.
type mob struct {
	t      *trial
	s      *server
	polite *crowd
	length time.Duration
	conns  int
	piece  []byte

	bytes int64
	took  time.Duration
}

// rate is in packets a second that the server took.
func (m *mob) rate(frame int) int64 {
	return int64(float64(m.bytes) / float64(frame) / max(m.took.Seconds(), 1e-9))
}

// attack measures a round beside it.
func (m *mob) attack(ctx context.Context) (p99 time.Duration, err error) {
	all, err := connectAll(ctx, m.s.dial, m.conns, handshakeOf(beatingInit(), true))
	if err != nil {
		return 0, err
	}
	defer resetAll(all)
	p, err := newPump(all, forever(m.piece))
	if err != nil {
		return 0, err
	}
	p.reads = true
	flooding, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		p.run(flooding)
	}()
	err = sleep(ctx, m.length/5) // every socket is full
	if err == nil {
		p99, err = m.polite.round(ctx, m.length)
	}
	stop()
	<-ended
	m.took += time.Since(began)
	m.bytes += p.written
	m.t.want(p.gone() < m.conns, "all of the %d conns that flood were closed", m.conns)
	resetAll(all)
	if err == nil {
		err = m.s.until(ctx, len(m.polite.conns)) // what it has read of them is done with
	}
	return p99, err
}
