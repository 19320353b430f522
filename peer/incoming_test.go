package peer

// Incoming: what a middleware sees of a packet, and may replace.

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

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
