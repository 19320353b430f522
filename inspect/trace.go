package inspect

// Traces: the packets of one conn, as they come and go. Copies wait in a bounded channel for
// the goroutine that shows them, which also decodes them, so that no loop waits.

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const (
	// maxTraced is the longest payload that a trace copies and decodes, in bytes.
	maxTraced = 64 << 10

	// maxTraceQueue is how many packets of a trace wait to be shown. More are left out.
	maxTraceQueue = 256
)

// Traced is one packet of a trace.
type Traced struct {
	Time      time.Time `json:"time"`
	Direction string    `json:"direction"` // received or sent
	Packet    string    `json:"packet"`    // empty for bytes that were sent under an unknown id
	Bytes     int       `json:"bytes"`     // of the payload

	// Value is the packet, decoded, in terms of encoding/json: fields with the tag
	// `packetmq:"secret"` stand there as "(secret)", and what is long is cut.
	Value any `json:"value,omitempty"`

	// Note says why there is no Value.
	Note string `json:"note,omitempty"`

	// Skipped is how many packets before this one are left out, since they came faster than
	// they were shown.
	Skipped uint64 `json:"skipped,omitempty"`
}

// tracedPacket is a packet that waits to be shown.
type tracedPacket struct {
	at        time.Time
	direction peer.Direction
	packet    *registry.Type // nil: unknown
	size      int
	payload   []byte // nil: it is too long
	skipped   uint64
}

// Trace calls f with each packet of the conn that comes or leaves, on the caller's goroutine,
// until f returns an error, which it returns, until ctx is done, or until the conn ends, which
// is nil. How packets are seen is said at peer.Conn.Trace. What comes faster than f returns is
// left out, and counted in Traced.Skipped.
func (i *Inspector) Trace(ctx context.Context, c *peer.Conn, f func(*Traced) error) error {
	if c == nil || c.Peer() != i.peer {
		return peer.ErrNoConn
	}
	t := i.watch(c)
	defer t.stop()
	return t.show(ctx, f)
}

// tracing is a trace that has begun.
type tracing struct {
	inspector *Inspector
	queue     chan tracedPacket
	lost      chan struct{} // closed at the conn's end
	skipped   atomic.Uint64 // packets since the last one that found room in the queue
	stop      func()
}

// watch begins to trace c.
func (i *Inspector) watch(c *peer.Conn) *tracing {
	t := &tracing{inspector: i, queue: make(chan tracedPacket, maxTraceQueue), lost: make(chan struct{})}
	stop := c.Trace(t.see)
	forget := c.OnLost(func(error) { close(t.lost) })
	t.stop = func() {
		stop()
		forget()
	}
	return t
}

// see is called with each packet, on any goroutine.
func (t *tracing) see(d peer.Direction, typ *registry.Type, payload []byte) {
	p := tracedPacket{at: time.Now(), direction: d, packet: typ, size: len(payload)}
	if len(payload) <= maxTraced {
		p.payload = append(make([]byte, 0, len(payload)), payload...)
	}
	p.skipped = t.skipped.Swap(0)
	select {
	case t.queue <- p:
	default:
		t.skipped.Add(p.skipped + 1)
	}
}

// show calls f with the packets.
func (t *tracing) show(ctx context.Context, f func(*Traced) error) error {
	for {
		select {
		case p := <-t.queue:
			if err := f(t.inspector.traced(&p)); err != nil {
				return err
			}
			continue
		default:
		}
		select { // nothing waits
		case p := <-t.queue:
			if err := f(t.inspector.traced(&p)); err != nil {
				return err
			}
		case <-t.lost:
			if len(t.queue) == 0 {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// traced is p as it is shown.
func (i *Inspector) traced(p *tracedPacket) *Traced {
	t := &Traced{Time: p.at, Direction: p.direction.String(), Bytes: p.size, Skipped: p.skipped}
	if p.packet == nil {
		t.Note = "its type is not known"
		return t
	}
	t.Packet = p.packet.Name()
	if p.payload == nil {
		t.Note = "it is too long to be shown"
		return t
	}
	v, err := i.decode(p.packet, p.payload)
	if err != nil {
		t.Note = err.Error()
		return t
	}
	t.Value = show(v)
	return t
}

var (
	errUntyped = errors.New("not shown: it has no Go type that says what is secret")
	errHooked  = errors.New("not shown: hooks of its object decode it")
)

// decode decodes a payload into a new value of its type.
func (i *Inspector) decode(t *registry.Type, payload []byte) (any, error) {
	var c codec.Msgpack
	if t.GoType() == nil && !i.cfg.ShowUntyped {
		return nil, errUntyped
	}
	if h := t.Hooks(); h != nil && h.Decode != nil {
		return nil, errHooked
	}
	v := t.New()
	if v == nil {
		return c.DecodeAnyWithin(&t.Options().Limits, payload)
	}
	return v, c.DecodeWithin(&t.Options().Limits, payload, v)
}
