package remote

// Conn: a conn to another side, with the packets that were learned.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// answerSuffix ends the name of the packet that answers a call.
const answerSuffix = ".answer"

var (
	// ErrNoPacket is returned for a packet that the other side has not.
	ErrNoPacket = errors.New("remote: the other side has no such packet")

	// ErrNoCall is returned for a packet that is not asked and answered.
	ErrNoCall = errors.New("remote: the other side has no such call")

	// ErrNoHeartbeat is returned by Ping for another side that does not answer heartbeats.
	ErrNoHeartbeat = errors.New("remote: the other side does not know heartbeats")
)

// Call is a call whose question and answer stay encoded.
type Call = call.Call[codec.Raw, codec.Raw]

// Conn is a conn to another side. Any goroutine may call its methods, but those of its loop.
type Conn struct {
	told   *Told
	client *peer.Client
	conn   *peer.Conn
	calls  map[string]Call
	took   time.Duration

	pongs chan uint64 // the numbers of heartbeats that were answered
	pings atomic.Uint64
	lost  chan error // has the reason when the conn was lost
}

// Received is called with each packet that comes, on the conn's loop. The payload is valid
// during the call.
type Received func(name string, payload []byte)

// Connect connects to addr, where told was learned.
func Connect(ctx context.Context, addr string, told *Told, o Options, received Received) (*Conn, error) {
	c := &Conn{told: told, calls: make(map[string]Call), pongs: make(chan uint64, 16), lost: make(chan error, 1)}
	reg, err := c.registry()
	if err != nil {
		return nil, err
	}
	cfg := o.config()
	cfg.Wrap = func(_ *peer.Conn, inner engine.Transport) engine.Transport { return newTap(inner, c.see) }
	cfg.OnLost = func(_ *peer.Conn, reason error) { c.lost <- reason }
	if c.client, err = o.newClient(reg, cfg); err != nil {
		return nil, err
	}
	c.handle(received)
	begun := time.Now()
	if c.conn, err = c.client.Connect(ctx, addr); err != nil {
		c.client.Close()
		return nil, err
	}
	c.took = time.Since(begun)
	return c, nil
}

// registry makes the registry of a side that has the other one's packets, under ids of its
// own: the other side adapts to them, or they are never used.
func (c *Conn) registry() (*registry.Registry, error) {
	reg := registry.NewAdapting()
	if c.told.Adapts {
		reg = registry.New()
	}
	id := registry.MinID
	for _, p := range c.told.Packets {
		var err error
		switch {
		case strings.HasSuffix(p.Name, answerSuffix) && c.told.has(strings.TrimSuffix(p.Name, answerSuffix)):
			continue // with the packet that asks
		case p.ID < registry.MinID:
			_, err = reg.AddInternal(p.Name, p.ID, nil)
		case c.told.has(p.Name + answerSuffix):
			question := call.Define[codec.Raw, codec.Raw](p.Name, id, optional(p)...)
			c.calls[p.Name] = question
			err = reg.Add(question.Packets()...)
			id += 2
		default:
			_, err = reg.AddObject(p.Name, id, nil, optional(p)...)
			id++
		}
		if err != nil {
			return nil, err
		}
	}
	return reg, nil
}

// optional are the options of a packet that the other side calls optional.
func optional(p Packet) []registry.Option {
	if p.Optional {
		return []registry.Option{registry.Optional()}
	}
	return nil
}

func (t *Told) has(name string) bool {
	return slices.ContainsFunc(t.Packets, func(p Packet) bool { return p.Name == name })
}

// handle has received called with all packets but answers of calls.
func (c *Conn) handle(received Received) {
	for _, p := range c.told.Packets {
		name := p.Name
		if asked, ok := strings.CutSuffix(name, answerSuffix); ok && c.told.has(asked) {
			continue
		}
		c.client.Untyped().HandleRaw(name, func(_ *peer.Conn, payload []byte) error {
			if received != nil {
				received(name, payload)
			}
			return nil
		})
	}
}

// Took is how long connecting took, the handshakes included.
func (c *Conn) Took() time.Duration { return c.took }

// Send sends a packet, encoded as msgpack.
func (c *Conn) Send(name string, payload []byte) error {
	t, err := c.client.Registry().Lookup(name)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrNoPacket, name)
	}
	return c.conn.SendRaw(t, payload)
}

// Call makes a call, and returns its answer, encoded as msgpack. Errors of the other side are
// *call.Error.
func (c *Conn) Call(ctx context.Context, name string, question []byte) (answer []byte, err error) {
	q, ok := c.calls[name]
	switch {
	case !ok && !c.told.has(name):
		return nil, fmt.Errorf("%w: %s", ErrNoPacket, name)
	case !ok:
		return nil, fmt.Errorf("%w: %s has no %s", ErrNoCall, name, name+answerSuffix)
	}
	body := codec.Raw(question)
	a, err := call.Do(ctx, c.conn, q, &body)
	if err != nil {
		return nil, err
	}
	return *a, nil
}

// Data is the data of an error that a call has returned, encoded as msgpack; nil if it has
// none.
func Data(err *call.Error) []byte {
	data, _ := call.DefineErrorOf[codec.Raw](err.Name()).Data(err)
	return data
}

// see is called with each frame that comes, on the loop.
func (c *Conn) see(f codec.Frame) {
	if f.ID() != registry.IDPong {
		return
	}
	if n, _, err := codec.ReadUint(f.Payload()); err == nil {
		select {
		case c.pongs <- n:
		default: // nobody waits for it
		}
	}
}

// heartbeat is packet 14 with a number, in the form in which this library takes the answer.
func heartbeat(n uint64) []byte {
	b := binary.BigEndian.AppendUint16(nil, registry.IDPing)
	return binary.BigEndian.AppendUint64(append(b, 0xcf), n)
}

// firstPing begins the numbers of Ping: as times, which those of the peer's own heartbeats are,
// they would lie centuries ahead.
const firstPing = 1 << 62

// Ping sends a heartbeat and returns how long its answer took.
func (c *Conn) Ping(ctx context.Context) (time.Duration, error) {
	if !c.told.Heartbeat {
		return 0, ErrNoHeartbeat
	}
	n := firstPing + c.pings.Add(1)
	begun := time.Now()
	if err := c.conn.Untyped().SendEncoded(heartbeat(n)); err != nil {
		return 0, err
	}
	for {
		select {
		case got := <-c.pongs:
			if got == n {
				return time.Since(begun), nil
			}
		case reason := <-c.lost:
			c.lost <- reason
			return 0, fmt.Errorf("remote: the conn was lost: %w", reason)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Lost has one value when the conn was lost: why.
func (c *Conn) Lost() <-chan error { return c.lost }

// Close sends what waits, says good-bye, and waits for the other side to close, or for ctx.
func (c *Conn) Close(ctx context.Context) error {
	c.conn.Softquit(peer.ReasonGeneric)
	return c.client.Shutdown(ctx)
}
