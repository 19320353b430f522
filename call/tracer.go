package call

// Tracer: who watches the calls of a peer, and has something of their contexts travel to the
// other side.

import (
	"context"
	"log/slog"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// FeatureTrace is the feature by which what a Tracer gives travels to the other side.
const FeatureTrace peer.Feature = 5

const (
	// MaxCarried is how much a Tracer can give for one call, in bytes.
	MaxCarried = 1 << 10

	// carriedKept is for how many calls of a conn it is kept until their requests come, which
	// is at once. The oldest goes when there are more.
	carriedKept = 64
)

// Tracer watches calls from their beginning to their end, on both sides: see Config.Tracer.
// Its methods are called on several goroutines at a time. The module otel has one.
type Tracer interface {
	// Making is called when a call is made, on the goroutine that makes it. ctx is that of
	// Do or GoFrom, and context.Background() for Go. carried, of at most MaxCarried bytes,
	// travels to the other side if that has a Tracer too; it is copied. ended, unless nil, is
	// called once with what the call has come to, before its caller is told.
	Making(ctx context.Context, c *peer.Conn, name string) (carried []byte, ended func(err error))

	// Handling is called when a request comes to its handler, on the conn's loop. carried is
	// what the other side's Tracer gave, nil if there is nothing, and valid during the call.
	// The Context of the handler has the values of ctx, unless that is nil. ended, unless
	// nil, is called once with what the call was answered with, nil for success, or why it
	// was not answered; for HandleLater perhaps on another goroutine.
	Handling(c *peer.Conn, name string, carried []byte) (ctx context.Context, ended func(err error))
}

// carried is what the other side's Tracer gave for a call whose request has not come yet.
type carried struct {
	id    uint64
	bytes []byte
}

// extend has the peer announce that it has a Tracer.
func (h *host) extend() {
	h.extended.Do(func() {
		err := h.peer.Extend(peer.Extension{Feature: FeatureTrace, Packet: onCarried})
		if err != nil { // another package has that bit: spans are of one side only
			h.peer.Log(slog.LevelWarn, "contexts of calls do not travel", "err", err)
		}
	})
}

// making tells the Tracer, if there is one, of a call that is about to be made.
func (s *connCalls) making(ctx context.Context, name string) (carried []byte, ended func(error)) {
	if t := s.host.config.Load().Tracer; t != nil {
		return t.Making(ctx, s.conn, name)
	}
	return nil, nil
}

// sendCarried sends what travels with a call whose request is sent next. Without room for it
// the call is made all the same.
func (s *connCalls) sendCarried(id uint64, b []byte) {
	if len(b) == 0 || len(b) > MaxCarried || !s.conn.Uses(FeatureTrace) {
		return
	}
	payload := make([]byte, 0, len(b)+16)
	payload = codec.AppendUint(codec.AppendArrayHeader(payload, 2), id)
	s.conn.SendExtension(FeatureTrace, codec.AppendBytes(payload, b))
}

// onCarried takes [id, bin] in: what travels with the request of that id, which comes next.
func onCarried(c *peer.Conn, payload []byte) error {
	n, rest, err := codec.ReadArrayHeader(payload)
	if err != nil {
		return malformed(carriedName, err)
	}
	id, rest, err := codec.ReadUint(rest)
	if err != nil {
		return malformed(carriedName, err)
	}
	b, rest, err := codec.ReadText(rest)
	switch {
	case err != nil:
		return malformed(carriedName, err)
	case n != 2:
		return malformed(carriedName, codec.ErrKind)
	case len(rest) > 0:
		return malformed(carriedName, codec.ErrTrailing)
	case len(b) > MaxCarried:
		return malformed(carriedName, &codec.SizeError{Length: int64(len(b)), Max: MaxCarried})
	}
	callsOf(c).keepCarried(id, b)
	return nil
}

// carriedName stands for the packet in errors.
const carriedName = "packetmq:trace"

// keepCarried keeps a copy of b until the request comes. On the loop only.
func (s *connCalls) keepCarried(id uint64, b []byte) {
	if len(s.carried) == carriedKept {
		s.carried = append(s.carried[:0], s.carried[1:]...)
	}
	s.carried = append(s.carried, carried{id, append([]byte(nil), b...)})
}

// takeCarried is what came for a call, or nil. On the loop only.
func (s *connCalls) takeCarried(id uint64) []byte {
	for i := range s.carried {
		if s.carried[i].id == id {
			b := s.carried[i].bytes
			s.carried = append(s.carried[:i], s.carried[i+1:]...)
			return b
		}
	}
	return nil
}

// handling tells the Tracer of a request that is about to be handled.
func (h *host) handling(ctx *Context, t Tracer, name string) {
	var b []byte
	if s, ok := connSlot.Get(ctx.conn); ok {
		b = s.takeCarried(ctx.id)
	}
	ctx.values, ctx.ended = t.Handling(ctx.conn, name, b)
}

// traced tells the Tracer of the handler's context, once, what its call has come to.
func (c *Context) traced(err error) {
	c.mu.Lock()
	ended := c.ended
	c.ended = nil
	c.mu.Unlock()
	if ended != nil {
		ended(err)
	}
}
