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
// packets as fast as it can, and beside one that sends the largest there are.
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
	rounds, length := t.of(5, 2), time.Second
	if t.quick {
		length /= 5
	}
	alone, err := polite.rounds(ctx, rounds, length)
	if err != nil {
		return err
	}
	t.figure("p99 of %d others %s alone", n, span(alone))
	tiny, few, err := t.flood(ctx, s, polite, 1, rounds, length)
	if err != nil {
		return err
	}
	large, many, err := t.flood(ctx, s, polite, maxFrame-codec.IDSize, rounds, length)
	if err != nil {
		return err
	}
	_, _, err = polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	t.figure("p99 of %d others %s alone; %s beside %s packets/s, %s beside %s/s of 1 MiB ones",
		n, span(alone), span(tiny), count(few), span(large), size(many*maxFrame))
	t.want(tiny < floodP99+alone, "p99 beside tiny packets is %v, want less than %v and the %v alone", tiny, floodP99, alone)
	t.want(large < floodP99+alone, "p99 beside large packets is %v, want less than %v and the %v alone", large, floodP99, alone)
	return nil
}

// flood measures beside packets of one size. It returns how many a second came
// back too.
func (t *trial) flood(ctx context.Context, s *server, polite *crowd, bytes, rounds int, length time.Duration) (p99 time.Duration, rate int64, err error) {
	c, err := s.connect(ctx)
	if err != nil {
		return 0, 0, err
	}
	frame := codec.AppendFrame(nil, idEcho, make([]byte, bytes))
	batch := frame
	for len(batch) < 64<<10 {
		batch = append(batch, frame...)
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
	go func() { // else it would be a reader that stalls
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c.TCPConn}, make([]byte, 256<<10))
		read <- n
	}()
	began := time.Now()
	p99, err = polite.rounds(ctx, rounds, length)
	took := time.Since(began)
	select {
	case e := <-written:
		t.broke("the conn that floods was closed: %v", e)
		written <- e
	default:
	}
	c.reset()
	<-written
	return p99, int64(float64(<-read) / float64(len(frame)) / took.Seconds()), err
}
