package peer

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/codec"
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

// A middleware sees what came: conn, type, size, payload and, if it asks, the value. What
// it changes or sets is what the handler gets.
func TestMiddlewareSeesAndReplacesValues(t *testing.T) {
	tests := map[string]struct {
		set  func(in *Incoming, v *note) error
		want note
	}{
		"changed in place": {func(_ *Incoming, v *note) error { v.Text += "!"; return nil }, note{7, "text!"}},
		"a *T":             {func(in *Incoming, v *note) error { return in.SetValue(&note{v.N + 1, "pointer"}) }, note{8, "pointer"}},
		"a T":              {func(in *Incoming, v *note) error { return in.SetValue(note{v.N + 2, "value"}) }, note{9, "value"}},
		"a map":            {func(in *Incoming, v *note) error { return in.SetValue(map[string]any{"n": v.N + 3}) }, note{10, ""}},
		"a wrong value": {func(in *Incoming, v *note) error {
			if _, ok := errors.AsType[*ValueError](in.SetValue("text")); !ok {
				return errors.New("SetValue took a string")
			}
			return nil
		}, note{7, "text"}},
	}
	for name, way := range handlerWays {
		for set, test := range tests {
			if set == "changed in place" && strings.HasPrefix(name, "raw") {
				continue // the handler gets what came
			}
			t.Run(name+", "+set, func(t *testing.T) {
				setUp := func(s, c *side) {
					if way.hooked {
						// A hook may return a T, which middleware and handlers see as a *T.
						s.cfg.PacketIn = func(_ *Conn, _ *registry.Type, v any) (any, error) { return *v.(*note), nil }
					}
				}
				everywhere(t, setUp, func(t *testing.T, w *world) {
					failed := make(chan error, 1)
					look := With(func(next Next) Next {
						return func(in *Incoming) error {
							v, err := in.Value()
							tv, ok := v.(*note)
							if !ok && strings.HasPrefix(name, "untyped") { // which see what the hook has returned
								plain := v.(note)
								tv, ok = &plain, true
								if set == "changed in place" {
									in.SetValue(tv)
								}
							}
							switch {
							case err != nil || !ok || *tv != (note{7, "text"}):
								failed <- fmt.Errorf("value is %v, %v", v, err)
							case in.Size() == 0 || in.Size() != len(in.Payload()) || in.Conn().Peer() != w.server.Peer || in.Packet().Name() != "test:ping":
								failed <- fmt.Errorf("%d bytes of %s on %v", in.Size(), in.Packet().Name(), in.Conn())
							}
							if err := test.set(in, tv); err != nil {
								failed <- err
							}
							return next(in)
						}
					})
					got := make(chan note, 1)
					switch strings.Split(name, ",")[0] {
					case "typed":
						Handle(w.server, w.s.ping, func(_ *Conn, v *note) error { got <- *v; return nil }, look)
					case "untyped":
						w.server.Untyped().Handle(w.s.ping, func(_ *Conn, v any) error {
							if tv, ok := v.(*note); ok {
								got <- *tv
							} else {
								got <- v.(note)
							}
							return nil
						}, look)
					case "raw":
						HandleRaw(w.server, w.s.ping, func(c *Conn, payload []byte) error {
							var v note
							err := w.server.codec.Decode(payload, &v)
							got <- v
							return err
						}, look)
					}
					_, cc := w.handshake(t)
					Send(cc, w.c.ping, &note{7, "text"})
					if v := wait(t, "packet", got); v != test.want {
						t.Errorf("the handler got %+v, want %+v", v, test.want)
					}
					nothing(t, "fault", failed)
				})
			})
		}
	}
}

// A payload that cannot be decoded is a PayloadError of Value, and ends the conn as such,
// whether or not the middleware returns it.
func TestMiddlewareMeetsBadPayloads(t *testing.T) {
	for name, returns := range map[string]bool{"returned": true, "ignored": false} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						_, err := in.Value()
						if _, ok := errors.AsType[*PayloadError](err); !ok {
							t.Errorf("Value: %v", err)
						}
						if returns {
							return err
						}
						return next(in)
					}
				})
				pings := inbox(t, w.server, w.s.ping, 1)
				_, cc := w.handshake(t)
				cc.SendRaw(w.c.ping.In(w.c.reg), []byte{0xc1})
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, ReasonPayload) {
					t.Errorf("lost because of %v", e.reason)
				}
				nothing(t, "packet", pings)
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

// A handler may give a packet to another handler: each has an Incoming of its own.
func TestMiddlewareNests(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		seen := make(chan string, 4)
		w.server.Use(func(next Next) Next {
			return func(in *Incoming) error {
				err := next(in)
				v, _ := in.Value()
				seen <- fmt.Sprint(in.Packet().Name(), " ", v.(*note).N, " ", in.Size() > 0)
				return err
			}
		})
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return c.PacketIn(w.s.pong.In(w.s.reg), &note{N: v.N + 1}) })
		Handle(w.server, w.s.pong, func(c *Conn, v *note) error { return nil })
		_, cc := w.handshake(t)
		for range 3 { // from the second time on Incomings are used again
			Send(cc, w.c.ping, &note{N: 1})
			for _, want := range []string{"test:pong 2 false", "test:ping 1 true"} {
				if got := wait(t, "packet", seen); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		}
	})
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

// Config.OnPacket handles what has no handler of its own, so Use is around it as well. A
// packet that nobody handles does not come to middleware.
func TestUseIsAroundOnPacket(t *testing.T) {
	for name, given := range map[string]bool{"with OnPacket": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 10)
			setUp := func(s, c *side) {
				if given {
					s.cfg.OnPacket = func(_ *Conn, typ *registry.Type, v any) error {
						got <- typ.Name() + v.(*note).Text
						return nil
					}
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						v, _ := in.Value()
						if err := in.SetValue(note{Text: v.(*note).Text + ", seen"}); err != nil {
							return err
						}
						return next(in)
					}
				})
				pongs := inbox(t, w.server, w.s.pong, 1)
				_, cc := w.handshake(t)
				Send(cc, w.c.ping, &note{1, ", came"})
				Send(cc, w.c.pong, &note{})
				wait(t, "the last", pongs)
				if given {
					if v := wait(t, "packet", got); v != "test:ping, came, seen" {
						t.Errorf("OnPacket got %q", v)
					}
				}
				nothing(t, "packet", got)
			})
		})
	}
}

// Use is for any goroutine and any time. Whoever sets handlers meanwhile, a packet that comes
// later goes through all of the middleware, each once and in order.
func TestUseBesideHandle(t *testing.T) {
	const uses = 50
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan struct{}, 1)
		var passed []int // on the loop, then read after got
		set := func() {
			Handle(w.server, w.s.ping, func(_ *Conn, v *note) error {
				if v.Text == "last" {
					got <- struct{}{}
				}
				return nil
			})
		}
		set()
		_, cc := w.handshake(t)
		var others sync.WaitGroup
		others.Go(func() {
			for range uses {
				set()
			}
		})
		others.Go(func() {
			for range uses {
				Send(cc, w.c.ping, &note{})
			}
		})
		for i := range uses {
			w.server.Use(func(next Next) Next {
				return func(in *Incoming) error {
					if v, _ := in.Value(); v.(*note).Text == "last" {
						passed = append(passed, i)
					}
					return next(in)
				}
			})
		}
		others.Wait()
		Send(cc, w.c.ping, &note{Text: "last"})
		wait(t, "packet", got)
		if len(passed) != uses || !slices.IsSorted(passed) {
			t.Errorf("the packet went through %v", passed)
		}
	})
}

// What Use adds in a handler holds from the next packet on, of the same read too.
func TestUseInAHandler(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var passed atomic.Int32
		done := make(chan struct{})
		Handle(w.server, w.s.ping, func(_ *Conn, v *note) error {
			switch v.N {
			case 1:
				w.server.Use(func(next Next) Next {
					return func(in *Incoming) error {
						passed.Add(1)
						return next(in)
					}
				})
			case 3:
				close(done)
			}
			return nil
		})
		_, cc := w.handshake(t)
		onLoop(t, cc, func() { // in one write
			for n := 1; n <= 3; n++ {
				Reply(cc, w.c.ping, &note{N: n})
			}
		})
		wait(t, "last packet", done)
		if n := passed.Load(); n != 2 {
			t.Errorf("%d packets went through it, want 2", n)
		}
	})
}

// A Middleware is the program's code: while it is composed it may call Use and Handle, and
// nothing of that is lost.
func TestUseWhileMiddlewareIsComposed(t *testing.T) {
	var w *world
	var trace []string // on the loop, then read after handled
	handled := make(chan struct{}, 1)
	handle := func(name string, opts ...HandleOption) {
		Handle(w.server, w.s.ping, func(*Conn, *note) error {
			trace = append(trace, name)
			handled <- struct{}{}
			return nil
		}, opts...)
	}
	// doing is a middleware that does something when it is first composed.
	doing := func(do func()) Middleware {
		first := true
		return func(next Next) Next {
			if first {
				first = false
				do()
			}
			return mark(&trace, "m")(next)
		}
	}
	for name, test := range map[string]struct {
		set  func()
		want string
	}{
		"Use in Handle": {func() { handle("handler", With(doing(func() { w.server.Use(mark(&trace, "used")) }))) },
			"used m handler"},
		"Use in Use": {func() {
			handle("handler")
			w.server.Use(doing(func() { w.server.Use(mark(&trace, "used")) }))
		}, "m used handler"},
		"Handle in Use": {func() {
			handle("old")
			w.server.Use(doing(func() { handle("handler") }))
		}, "m handler"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			w = transports["memory, one reactor"](t, s, c)
			test.set()
			_, cc := w.handshake(t)
			Send(cc, w.c.ping, &note{})
			wait(t, "packet", handled)
			onLoop(t, cc, func() {
				if got := strings.Join(trace, " "); !strings.HasPrefix(got, test.want+" /") {
					t.Errorf("went through %q, want %q first", got, test.want)
				}
				trace = nil
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

// Middleware allocates nothing of its own, asked for the value or not.
func TestMiddlewareAllocatesNothing(t *testing.T) {
	pass := func(next Next) Next { return func(in *Incoming) error { return next(in) } }
	look := func(next Next) Next {
		return func(in *Incoming) error {
			if v, err := in.Value(); err != nil || *v.(*point) != (point{1, 2}) {
				return errors.Join(err, errors.New("another value"))
			}
			return next(in)
		}
	}
	for name, m := range map[string][]Middleware{"none": nil, "one": {pass}, "three, with a look at the value": {pass, look, pass}} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			atServer := registry.MustAdd[point](s.reg, "test:point", 30, registry.Reuse())
			atClient := registry.MustAdd[point](c.reg, "test:point", 30, registry.Reuse())
			sent := &point{1, 2}
			atMost(t, rallies(t, s, c, func(server *Server, client *MemoryClient, next func(*Conn) error) {
				server.Use(m...)
				Handle(server, atServer, func(c *Conn, v *point) error { return Reply(c, atServer, v) })
				Handle(client, atClient, func(c *Conn, _ *point) error { return next(c) })
			}, func(conn *Conn) { Reply(conn, atClient, sent) }), 0)
		})
	}
}

// Without middleware nothing is composed; with it, packets still take the fast path.
func TestNoMiddlewareIsNothing(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	defer server.Close()
	Handle(server, s.ping, func(*Conn, *note) error { return nil })
	server.Use()
	if h := server.handler(s.ping.In(s.reg)); h != h.plain || !h.fast {
		t.Errorf("the handler is composed, or not fast: %v", h.fast)
	}
	server.Use(func(next Next) Next { return next })
	if h := server.handler(s.ping.In(s.reg)); h == h.plain || !h.fast {
		t.Errorf("the handler is not composed, or not fast: %v", h.fast)
	}
}

// BenchmarkMiddleware is what a packet costs that a handler looks at and does not answer, with
// none, one and three middleware around the handler.
func BenchmarkMiddleware(b *testing.B) {
	pass := func(next Next) Next { return func(in *Incoming) error { return next(in) } }
	for _, n := range []int{0, 1, 3} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			reg := registry.New()
			pkt := registry.MustAdd[point](reg, "b:point", 17, registry.Reuse())
			srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}})
			sum := 0
			Handle(srv, pkt, func(_ *Conn, v *point) error { sum += int(v.X); return nil })
			srv.Use(slices.Repeat([]Middleware{pass}, n)...)
			b.Cleanup(func() { srv.Close() })
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			const packets = 64
			f := &feed{left: (b.N + packets - 1) / packets, opened: make(chan struct{}), done: make(chan struct{})}
			for range packets {
				f.burst = codec.AppendFrame(f.burst, 17, []byte{0x92, 1, 2})
			}
			c, err := srv.newConn()
			if err != nil {
				b.Fatal(err)
			}
			if err := srv.Reactor().Attach(f, &c.link, c.engineHandler(), nil); err != nil {
				b.Fatal(err)
			}
			<-f.opened
			b.ReportAllocs()
			b.ResetTimer()
			f.sink.Wake(nil)
			<-f.done
		})
	}
}
