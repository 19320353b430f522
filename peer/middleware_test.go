package peer

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// mark is a middleware that notes when a packet comes to it and leaves it.
func mark(trace *[]string, name string) Middleware {
	return func(next Next) Next {
		return func(in *Incoming) error {
			*trace = append(*trace, name)
			err := next(in)
			*trace = append(*trace, "/"+name)
			return err
		}
	}
}

// handlerWays are how a handler is set, by what sees its packets before it.
var handlerWays = map[string]struct {
	hooked bool
	handle func(h Host, pkt registry.Packet[note], fn func(*Conn) error, opts ...HandleOption)
}{
	"typed":           {false, handleTyped},
	"typed, hooked":   {true, handleTyped},
	"raw":             {false, handleRaw},
	"raw, hooked":     {true, handleRaw},
	"untyped":         {false, handleUntyped},
	"untyped, hooked": {true, handleUntyped},
}

func handleTyped(h Host, pkt registry.Packet[note], fn func(*Conn) error, opts ...HandleOption) {
	Handle(h, pkt, func(c *Conn, _ *note) error { return fn(c) }, opts...)
}

func handleRaw(h Host, pkt registry.Packet[note], fn func(*Conn) error, opts ...HandleOption) {
	HandleRaw(h, pkt, func(c *Conn, _ []byte) error { return fn(c) }, opts...)
}

func handleUntyped(h Host, pkt registry.Packet[note], fn func(*Conn) error, opts ...HandleOption) {
	h.Untyped().Handle(pkt, func(c *Conn, _ any) error { return fn(c) }, opts...)
}

// seesAll is a hook of Config that lets everything pass.
func seesAll(_ *Conn, _ *registry.Type, v any) (any, error) { return v, nil }

// Middleware lies around a handler in its order, however the handler is set and whatever the
// order of Use and Handle.
func TestMiddlewareOrder(t *testing.T) {
	const want = "around use with handler /with /use /around"
	for name, way := range handlerWays {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) {
				if way.hooked {
					s.cfg.PacketIn = seesAll
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				var trace []string // on the loop, then read after done
				done := make(chan struct{}, 2)
				handle := func(pkt registry.Packet[note]) {
					way.handle(w.server, pkt, func(*Conn) error {
						trace = append(trace, "handler")
						return nil
					}, With(mark(&trace, "with")), nil, Around(func(next Next) Next {
						return func(in *Incoming) error {
							err := mark(&trace, "around")(next)(in)
							done <- struct{}{}
							return err
						}
					}))
				}
				handle(w.s.ping)
				w.server.Use(mark(&trace, "use"))
				handle(w.s.pong)
				_, cc := w.handshake(t)
				for _, pkt := range []registry.Packet[note]{w.c.ping, w.c.pong} {
					Send(cc, pkt, &note{1, "x"})
					wait(t, "packet", done)
					if got := strings.Join(trace, " "); got != want {
						t.Errorf("%s: got %s, want %s", pkt.Name(), got, want)
					}
					onLoop(t, w.server.first(), func() { trace = nil })
				}
			})
		})
	}
}

// What a middleware returns is treated as a handler's error; without a call of next the
// handler gets nothing.
func TestMiddlewareStopsPackets(t *testing.T) {
	errOwn := errors.New("not today")
	for name, test := range map[string]struct {
		returns error
		lost    error // why the conn ends; nil: it does not
	}{
		"nil":          {nil, nil},
		"ErrDrop":      {ErrDrop, nil},
		"a Reason":     {Reason("reason.enough"), Reason("reason.enough")},
		"other errors": {errOwn, errOwn},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				stopped := make(chan struct{}, 1)
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						if in.Packet() == w.s.ping.In(w.s.reg) {
							stopped <- struct{}{}
							return test.returns
						}
						return next(in)
					}
				})
				pings, pongs := inbox(t, w.server, w.s.ping, 1), inbox(t, w.server, w.s.pong, 1)
				_, cc := w.handshake(t)
				Send(cc, w.c.ping, &note{1, "stopped"})
				wait(t, "packet", stopped)
				if test.lost != nil {
					if e := w.s.next(t, "lost"); !errors.Is(e.reason, test.lost) {
						t.Errorf("lost because of %v, want %v", e.reason, test.lost)
					}
				} else {
					Send(cc, w.c.pong, &note{2, "passes"})
					wait(t, "next packet", pongs)
				}
				nothing(t, "packet at the handler", pings)
			})
		})
	}
}

// A panic or a Goexit in middleware ends its own conn, with what is under way in it, and
// leaves nothing of it to the packets of others.
func TestMiddlewareThatDoesNotReturn(t *testing.T) {
	for how, bolt := range map[string]func(){"panic": func() { panic("bolted") }, "Goexit": runtime.Goexit} {
		t.Run(how, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						v, err := in.Value()
						if v.(*note).Text == "bolt" {
							bolt()
						}
						return errors.Join(err, next(in))
					}
				})
				pings := inbox(t, w.server, w.s.ping, 1)
				_, other := w.handshake(t)
				sc, cc := w.handshake(t)
				Send(cc, w.c.ping, &note{1, "bolt"})
				if e := w.s.next(t, "lost"); e.conn != sc || !errors.Is(e.reason, ReasonHandler) || how == "Goexit" && !errors.Is(e.reason, engine.ErrGoexit) {
					t.Errorf("lost %v because of %v", e.conn, e.reason)
				}
				Send(other, w.c.ping, &note{2, "fine"})
				if got := wait(t, "packet of another", pings); got != (note{2, "fine"}) {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

// Neither a handler nor OnPacket is called once OnLost was: here a middleware has ended the
// conn, by a packet that cannot be decoded.
func TestMiddlewareThatEndsTheConn(t *testing.T) {
	for name, onPacket := range map[string]bool{"handler": false, "OnPacket": true} {
		t.Run(name, func(t *testing.T) {
			handled := make(chan struct{}, 1)
			setUp := func(s, c *side) {
				s.cfg.OnPacket = func(*Conn, *registry.Type, any) error { handled <- struct{}{}; return nil }
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				passed := make(chan error, 1)
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						in.Conn().EncodedIn([]byte{0, 18, 0xc1})
						err := next(in)
						passed <- err
						return err
					}
				})
				if !onPacket {
					Handle(w.server, w.s.ping, func(*Conn, *note) error { handled <- struct{}{}; return nil })
				}
				_, cc := w.handshake(t)
				Send(cc, w.c.ping, &note{N: 1})
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, ReasonPayload) {
					t.Errorf("lost because of %v", e.reason)
				}
				if err := wait(t, "packet", passed); err != nil {
					t.Error(err)
				}
				nothing(t, "packet", handled)
			})
		})
	}
}

// What is wrong with a Middleware is a panic where it is given, not at the first packet.
func TestMiddlewareOfNothingPanics(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	defer server.Close()
	var trace []string
	fine, broken := mark(&trace, "fine"), func(Next) Next { return nil }
	ignore := func(*Conn, *note) error { return nil }
	Handle(server, s.ping, ignore)
	for name, test := range map[string]struct {
		call func()
		want error
	}{
		"Use of nil":            {func() { server.Use(nil) }, ErrNil},
		"Use of one nil":        {func() { server.Use(fine, nil) }, ErrNil},
		"Use on a nil peer":     {func() { (*Peer)(nil).Use(fine) }, ErrNoPeer},
		"Use on a zero peer":    {func() { new(Peer).Use(fine) }, ErrNoPeer},
		"With of nil":           {func() { Handle(server, s.ping, ignore, With(fine, nil)) }, ErrNil},
		"Around of nil":         {func() { Handle(server, s.ping, ignore, Around(nil)) }, ErrNil},
		"With that returns nil": {func() { Handle(server, s.ping, ignore, With(broken)) }, errNilNext},
		"Use that returns nil":  {func() { server.Use(broken) }, errNilNext},
	} {
		if err := panicked(test.call); !errors.Is(err, test.want) {
			t.Errorf("%s: panics with %v, want %v", name, err, test.want)
		}
	}
}
