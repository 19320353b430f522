package siege

import (
	"context"
	"io"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// floodP99 is the p99 that polite conns may have beside a flood. What they have
// without it, on this machine and now, comes on top.
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
	rounds, length := t.of(7, 2), time.Second
	if t.quick {
		length /= 5
	}
	tiny := flood{t: t, s: s, frame: frameOf(idEcho, []byte{0xc0})}
	large := flood{t: t, s: s, frame: frameOf(idEcho, make([]byte, maxFrame-codec.IDSize))}
	var alone []time.Duration
	for range rounds {
		p99, err := polite.round(ctx, length)
		if err == nil {
			err = tiny.beside(ctx, polite, length)
		}
		if err == nil {
			err = large.beside(ctx, polite, length)
		}
		if err != nil {
			return err
		}
		alone = append(alone, p99)
		t.figure("p99 of %d others %s alone; %s beside %s tiny packets/s, %s beside %s/s of 1 MiB ones", n,
			span(median(alone)), span(median(tiny.p99)), count(tiny.rate()), span(median(large.p99)), size(large.rate()*maxFrame))
	}
	_, _, err = polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	limit := floodP99 + median(alone)
	for name, f := range map[string]*flood{"tiny": &tiny, "1 MiB": &large} {
		t.want(median(f.p99) < limit, "p99 beside %s packets is %v (rounds: %v), want less than %v and the %v alone",
			name, median(f.p99), f.p99, floodP99, median(alone))
	}
	return nil
}

// flood is a conn that sends the same frame as fast as it can, and reads the
// replies: else it would be one that stalls.
type flood struct {
	t     *trial
	s     *server
	frame []byte

	p99   []time.Duration
	bytes int64
	took  time.Duration
}

// rate is in packets a second that came back.
func (f *flood) rate() int64 {
	return int64(float64(f.bytes) / float64(len(f.frame)) / f.took.Seconds())
}

// beside measures a round of polite beside it.
func (f *flood) beside(ctx context.Context, polite *crowd, length time.Duration) error {
	c, err := f.s.connect(ctx)
	if err != nil {
		return err
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
	p99, err := polite.round(ctx, length)
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
	f.p99 = append(f.p99, p99)
	return err
}
