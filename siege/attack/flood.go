package attack

// Row flood: one conn that sends as fast as it can.

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// floodP99 is the largest p99 of probes beside a flood if no other process
	// uses the machine.
	floodP99 = 10 * time.Millisecond

	// floodAhead is how many bytes of a flood are under way at most. With more than
	// the hard limit, the server would close the conn as soon as its reader waits
	// for a processor.
	floodAhead = hardLimit / 2
)

// tryFlood measures latency without an attack, beside one conn that sends tiny
// packets as fast as it can, and beside one that sends the largest packets.
func tryFlood(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	n := t.pick(100, 20)
	probes, err := client.StartProbes(ctx, &s.Endpoint, n, 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := t.roundLength()
	tiny := flood{t: t, s: s, probes: probes, length: length, frame: wire.EncodeFrame(wire.IDEcho, []byte{0xc0})}
	large := flood{t: t, s: s, probes: probes, length: length, frame: wire.EncodeFrame(wire.IDEcho, make([]byte, wire.MaxFrame-wire.IDSize))}
	alone := func(ctx context.Context) (time.Duration, error) { return probes.Round(ctx, length) }
	b := comparison{server: s, want: t.pick(5, 1)}
	for !b.done() {
		if err := b.measure(ctx, alone, tiny.attack, large.attack); err != nil {
			return err
		}
		t.show("p99 of %d others %s alone; %s beside %s tiny packets/s, %s beside %s/s of 1 MiB ones (CPU used by others %.0f %%)", n,
			figures.Latency(b.alone()), figures.Latency(b.beside(0)), figures.Count(tiny.rate()), figures.Latency(b.beside(1)), figures.Bytes(large.rate()*wire.MaxFrame), 100*b.othersCPU())
	}
	_, _, err = probes.Stop()
	t.check(err == nil, "a polite conn: %v", err)
	limit := b.scale(t.bound(floodP99))
	for i, name := range []string{"tiny", "1 MiB"} {
		t.check(b.beside(i) < limit, "p99 beside %s packets is %v (rounds: %v), alone %v; want less than %v; others used %.0f %% of the CPU",
			name, b.beside(i), b.besideRounds(i), b.alone(), limit, 100*b.othersCPU())
	}
	return nil
}

// flood is a conn that sends the same frame as fast as it can. It reads the replies:
// otherwise the server would end it as one that stalls.
type flood struct {
	t      *trial
	s      *target.Server
	probes *client.Probes
	length time.Duration
	frame  []byte

	bytes int64
	took  time.Duration
}

// rate returns how many packets a second came back.
func (f *flood) rate() int64 {
	return int64(float64(f.bytes) / float64(len(f.frame)) / f.took.Seconds())
}

// attack measures a round of the probes beside the flood.
func (f *flood) attack(ctx context.Context) (p99 time.Duration, err error) {
	c, err := f.s.Connect(ctx)
	if err != nil {
		return 0, err
	}
	batch := f.frame
	for len(batch) < 64<<10 {
		batch = append(batch, f.frame...)
	}
	var got atomic.Int64 // bytes of replies
	more := make(chan struct{}, 1)
	written, read := make(chan error, 1), make(chan struct{})
	go func() {
		for sent := int64(0); ; sent += int64(len(batch)) {
			for sent-got.Load() > floodAhead {
				if _, ok := <-more; !ok {
					written <- io.EOF
					return
				}
			}
			if _, err := c.Write(batch); err != nil {
				written <- err
				return
			}
		}
	}()
	go func() {
		defer close(read)
		defer close(more)
		buf := make([]byte, 256<<10)
		for {
			n, err := c.Conn.Read(buf)
			if err != nil {
				return
			}
			got.Add(int64(n))
			select {
			case more <- struct{}{}:
			default:
			}
		}
	}()
	began := time.Now()
	p99, err = f.probes.Round(ctx, f.length)
	f.took += time.Since(began)
	select {
	case e := <-written:
		f.t.fail("the conn that floods was closed: %v", e)
		written <- e
	default:
	}
	c.Reset()
	<-written
	<-read
	f.bytes += got.Load()
	return p99, err
}
