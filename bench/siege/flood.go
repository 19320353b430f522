package siege

import (
	"context"
	"io"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// floodP99 is the p99 that polite conns may have beside a flood. On a machine
// that is not calm, what they have without it comes on top.
const floodP99 = 10 * time.Millisecond

// tryFlood measures a crowd's latency alone, beside one conn that sends tiny
// packets as fast as it can, and beside one that sends the largest there are: in
// turn, so that what else the machine does is the same for all.
func tryFlood(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	n := t.of(100, 20)
	polite, err := gather(ctx, s, n, 20*time.Millisecond)
	if err != nil {
		return err
	}
	length := time.Second
	if t.quick {
		length /= 5
	}
	tiny := flood{t: t, s: s, polite: polite, length: length, frame: frameOf(idEcho, []byte{0xc0})}
	large := flood{t: t, s: s, polite: polite, length: length, frame: frameOf(idEcho, make([]byte, maxFrame-codec.IDSize))}
	b := bouts{want: t.of(5, 1)}
	for !b.done() {
		if err := b.fight(ctx, polite, length, tiny.attack, large.attack); err != nil {
			return err
		}
		t.figure("p99 of %d others %s alone; %s beside %s tiny packets/s, %s beside %s/s of 1 MiB ones", n,
			span(b.alone()), span(b.beside(0)), count(tiny.rate()), span(b.beside(1)), size(large.rate()*maxFrame))
	}
	_, _, err = polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	limit := t.within(floodP99)
	if b.alone() > calm {
		limit += b.alone()
	}
	for i, name := range []string{"tiny", "1 MiB"} {
		t.want(b.beside(i) < limit, "p99 beside %s packets is %v (rounds: %v), alone %v; want less than %v",
			name, b.beside(i), b.each(i), b.alone(), limit)
	}
	return nil
}

// flood is a conn that sends the same frame as fast as it can, and reads the
// replies: else it would be one that stalls.
type flood struct {
	t      *trial
	s      *server
	polite *crowd
	length time.Duration
	frame  []byte

	bytes int64
	took  time.Duration
}

// rate is in packets a second that came back.
func (f *flood) rate() int64 {
	return int64(float64(f.bytes) / float64(len(f.frame)) / f.took.Seconds())
}

// attack measures a round beside it.
func (f *flood) attack(ctx context.Context) (p99 time.Duration, err error) {
	c, err := f.s.connect(ctx)
	if err != nil {
		return 0, err
	}
	batch := f.frame
	for len(batch) < 64<<10 {
		batch = append(batch, f.frame...)
	}
	written := make(chan error, 1)
	go func() {
		for {
			if _, err := c.Write(batch); err != nil {
				written <- err
				return
			}
		}
	}()
	read := make(chan int64, 1)
	go func() {
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c.TCPConn}, make([]byte, 256<<10))
		read <- n
	}()
	began := time.Now()
	p99, err = f.polite.round(ctx, f.length)
	f.took += time.Since(began)
	select {
	case e := <-written:
		f.t.broke("the conn that floods was closed: %v", e)
		written <- e
	default:
	}
	c.reset()
	<-written
	f.bytes += <-read
	return p99, err
}
