package bench

// The packets that clients send, and the check of each reply.

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// traffic keeps packets under way on each of its conns, checks every reply, and
// counts. It belongs to one loop, that of all its conns: only the loop's
// goroutine may call its methods, and it needs no lock.
type traffic struct {
	echo   *registry.Type
	depth  int
	bodies bodies

	began   time.Time
	flows   []*flow
	conns   int // that are up
	waiting int // packets under way
	ending  bool
	ended   bool
	over    chan struct{} // closed when nothing more will come

	whole, recent span
	problem       error // the first of the errors
	scratch       []byte
}

// span is what was counted since it began.
type span struct {
	began   time.Duration // on the traffic's clock
	packets int64
	errors  int64
	latency histogram
}

// flow is one conn's part of the traffic.
type flow struct {
	conn      *peer.Conn
	sent, got uint64
	times     []int64 // when each packet under way was sent, by seq modulo depth
	lost      bool
}

func newTraffic(echo *registry.Type, depth, size int) *traffic {
	return &traffic{
		echo:   echo,
		depth:  depth,
		bodies: newBodies(max(size-overhead, 0)),
		over:   make(chan struct{}),
		whole:  span{latency: newHistogram()},
		recent: span{latency: newHistogram()},
	}
}

func (t *traffic) now() time.Duration { return time.Since(t.began) }

// made is the OnMade of the traffic's conns.
func (t *traffic) made(c *peer.Conn) {
	f := &flow{conn: c, times: make([]int64, t.depth)}
	c.SetData(f)
	t.flows = append(t.flows, f)
	t.conns++
}

// start begins the traffic, on the conns that were made.
func (t *traffic) start() {
	t.began = time.Now()
	for _, f := range t.flows {
		for range t.depth {
			t.send(f, t.now())
		}
	}
	t.settle()
}

// send sends a flow's next packet.
func (t *traffic) send(f *flow, now time.Duration) {
	if f.lost {
		return
	}
	p := t.packet(f.sent, int64(now))
	if err := f.conn.ReplyRaw(t.echo, p); err != nil {
		t.drop(f, err)
		return
	}
	f.times[f.sent%uint64(t.depth)] = int64(now)
	f.sent++
	t.waiting++
}

// packet encodes the payload of a seq, which is valid until the next is.
func (t *traffic) packet(seq uint64, sent int64) []byte {
	p := payload{seq, uint64(sent), t.bodies.of(seq)}
	t.scratch = p.append(t.scratch[:0])
	return t.scratch
}

// reply handles every bench:reply of the traffic's conns.
func (t *traffic) reply(c *peer.Conn, b []byte) error {
	f := c.Data().(*flow)
	if f.got == f.sent {
		t.fail(c, errors.New("a reply came that answers nothing"))
		return nil
	}
	now := t.now()
	seq := f.got
	sent := f.times[seq%uint64(t.depth)]
	f.got++
	t.waiting--
	if err := t.check(b, seq, sent); err != nil {
		t.fail(c, err)
	}
	t.recent.packets++
	t.recent.latency.record(int64(now) - sent)
	if t.ending {
		t.settle()
	} else {
		t.send(f, now)
	}
	return nil
}

// check compares a reply with what was sent. A server that decodes and encodes
// may order the fields anew; all else is the same byte for byte.
func (t *traffic) check(b []byte, seq uint64, sent int64) error {
	if bytes.Equal(b, t.packet(seq, sent)) {
		return nil
	}
	var got payload
	if err := got.parse(b); err != nil {
		return err
	}
	want := payload{seq, uint64(sent), t.bodies.of(seq)}
	return want.differs(&got)
}

// lost is the OnLost of the traffic's conns. If a conn never was made, its Connect
// reports that.
func (t *traffic) lost(c *peer.Conn, reason error) {
	if f, ok := c.Data().(*flow); ok {
		t.drop(f, reason)
	}
}

// drop gives up a flow whose conn is gone. What was under way on it is lost
// with it, and is one error.
func (t *traffic) drop(f *flow, err error) {
	if f.lost || t.ended {
		return
	}
	f.lost = true
	t.conns--
	t.waiting -= int(f.sent - f.got)
	t.fail(f.conn, fmt.Errorf("lost: %w", err))
	t.settle()
}

func (t *traffic) fail(c *peer.Conn, err error) {
	t.recent.errors++
	if t.problem == nil {
		t.problem = fmt.Errorf("%v: %w", c, err)
	}
}

// end stops sending. The channel over tells when the last reply has come.
func (t *traffic) end() {
	t.ending = true
	t.settle()
}

// settle closes over if the traffic is ending and no reply is missing, or if no conn
// is left.
func (t *traffic) settle() {
	if t.conns > 0 && (t.waiting > 0 || !t.ending) {
		return
	}
	select {
	case <-t.over:
	default:
		close(t.over)
	}
}

// sample returns what was counted since the last sample.
func (t *traffic) sample() sample {
	now := t.now()
	s := t.recent.sample(now, t.conns)
	t.whole.add(&t.recent)
	t.recent.clear(now)
	return s
}

// result ends the count. Each packet that has no reply by now is an error.
func (t *traffic) result() result {
	t.ended = true
	if t.waiting > 0 {
		t.recent.errors += int64(t.waiting)
		if t.problem == nil {
			t.problem = fmt.Errorf("%d packets were not answered", t.waiting)
		}
	}
	t.sample()
	r := result{sample: t.whole.sample(t.now(), t.conns), Latency: t.whole.latency.Export()}
	if t.problem != nil {
		r.Problem = t.problem.Error()
	}
	return r
}

// on calls fn on the reactor's first loop and waits for it.
func on(r *engine.Reactor, fn func()) error {
	done := make(chan struct{})
	if err := r.Post(func() { defer close(done); fn() }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-r.Done():
		return engine.ErrClosed
	}
}
