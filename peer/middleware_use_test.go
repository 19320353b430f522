package peer

// Use: middleware around all handlers, whenever it is called.

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

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
