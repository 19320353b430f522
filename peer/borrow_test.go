package peer

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// bolter does not return from encoding itself.
type bolter struct{ bolt func() }

func (b *bolter) MarshalMsg(p []byte) ([]byte, error) {
	p = append(p, 0xdb, 0xff) // half of it
	b.bolt()
	return p, nil
}
func (b *bolter) UnmarshalMsg(p []byte) ([]byte, error) { return nil, nil }

// v5Bolter does not either, below msgpack/v5.
type v5Bolter struct{ bolt func() }

func (b *v5Bolter) EncodeMsgpack(*msgpack.Encoder) error { b.bolt(); return nil }

// boltingHooks do not return from a hook.
type boltingHooks struct {
	in   string
	bolt func()
}

func (h *boltingHooks) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	if h.in == "OnSend" {
		h.bolt()
	}
	return to, v, nil
}

func (h *boltingHooks) OnEncode(_ registry.Conn, v any) (any, error) {
	if h.in == "OnEncode" {
		h.bolt()
	}
	return v, nil
}

// What a handler has answered is on its way, whatever the program's part in the
// next send does: neither a Goexit nor a panic there takes it back. A handler
// that recovers has its conn, and all that it sends on it, as before.
func TestSendsThatDoNotReturn(t *testing.T) {
	ways := map[string]func(c *Conn, p *Peer, t registry.Packet[bolter], v any){
		"Reply": func(c *Conn, _ *Peer, pkt registry.Packet[bolter], v any) {
			if b, ok := v.(*bolter); ok {
				Reply(c, pkt, b)
			} else {
				c.Untyped().Reply("test:any", v)
			}
		},
		"Conn.Reply": func(c *Conn, _ *Peer, _ registry.Packet[bolter], v any) { c.Untyped().Reply("test:any", v) },
		"Conn.Send":  func(c *Conn, _ *Peer, _ registry.Packet[bolter], v any) { c.Untyped().Send("test:any", v) },
		"Peer.Send":  func(c *Conn, p *Peer, _ registry.Packet[bolter], v any) { p.Untyped().Send(c.ID(), "test:any", v) },
		"Broadcast":  func(_ *Conn, p *Peer, _ registry.Packet[bolter], v any) { p.Untyped().Broadcast("test:any", v) },
	}
	for _, in := range []string{"MarshalMsg", "EncodeMsgpack", "MarshalMsg inside", "OnSend", "OnEncode", "PacketOut", "EncodedOut"} {
		for how, bolt := range map[string]func(){
			"Goexit":    runtime.Goexit,
			"panic":     func() { panic("bolted") },
			"recovered": func() { panic("bolted") },
		} {
			for _, over := range []string{"tcp", "memory, one reactor"} {
				t.Run(fmt.Sprint(in, ", ", how, ", ", over), func(t *testing.T) {
					s, c := newSide(false, 17, 18), newSide(true, 40, 41)
					// A value's panic is the send's error.
					marshals := in == "MarshalMsg" || in == "EncodeMsgpack" || in == "MarshalMsg inside"
					lives := how == "recovered" || how == "panic" && marshals
					armed := false // on the loop, where all of it happens
					leave := func() {
						if armed {
							armed = false
							bolt()
						}
					}
					var hooks any
					value := any(&bolter{leave})
					switch in {
					case "EncodeMsgpack":
						value = &v5Bolter{leave}
					case "MarshalMsg inside":
						value = []any{1, &bolter{leave}}
					case "OnSend", "OnEncode":
						hooks, value = &boltingHooks{in, leave}, 1
					case "PacketOut":
						s.cfg.PacketOut, value = func(_ *Conn, _ *registry.Type, v any) (any, error) { leave(); return v, nil }, 1
					case "EncodedOut":
						s.cfg.EncodedOut, value = func(_ *Conn, raw []byte) ([]byte, error) { leave(); return raw, nil }, 1
					}
					s.reg.AddObject("test:any", 30, hooks)
					c.reg.AddObject("test:any", 50, nil)
					pkt := registry.MustAdd[bolter](s.reg, "test:bolter", 31)
					registry.MustAdd[bolter](c.reg, "test:bolter", 51)
					w := transports[over](t, s, c)
					pongs := inbox(t, w.client, c.pong, 10)
					sends := make(chan func(*Conn), 1)
					Handle(w.server, s.ping, func(conn *Conn, v *note) error {
						send := <-sends
						Reply(conn, s.pong, &note{1, "answered"})
						conn.Untyped().Reply(s.pong, &note{2, "answered"})
						armed = true
						if lives {
							func() {
								defer func() { recover() }()
								send(conn)
							}()
							if conn.flags.has(encoding) {
								t.Error("after a recovered panic the encoding flag is left")
							}
							return Reply(conn, s.pong, &note{3, "recovered"})
						}
						send(conn)
						t.Error("it returned")
						return nil
					})
					for way, send := range ways {
						sc, cc := w.handshake(t)
						sends <- func(c *Conn) { send(c, w.server.Peer, pkt, value) }
						if err := Send(cc, c.ping, &note{}); err != nil {
							t.Fatal(err)
						}
						last := 2
						if lives {
							last = 3
						}
						for n := 1; n <= last; n++ {
							if got := wait(t, way, pongs); got.N != n {
								t.Fatalf("%s: got %+v, want %d", way, got, n)
							}
						}
						if lives {
							cc.Softquit("")
							s.next(t, "lost")
							c.next(t, "lost")
							continue
						}
						if e := s.next(t, "lost"); e.conn != sc || !errors.Is(e.reason, ReasonHandler) || how == "Goexit" && !errors.Is(e.reason, engine.ErrGoexit) {
							t.Fatalf("%s: the server lost %v because of %v", way, e.conn, e.reason)
						}
						if e := c.next(t, "lost"); e.reason != ReasonHandler {
							t.Fatalf("%s: the client lost it because of %v", way, e.reason)
						}
					}
				})
			}
		}
	}
}

// boltingIn do not return from a hook on the way in.
type boltingIn struct {
	in   string
	bolt func()
}

func (h *boltingIn) at(step string) {
	if h.in == step {
		h.bolt()
	}
}

func (h *boltingIn) NewValue() any                                { h.at("NewValue"); return &boltingValue{h} }
func (h *boltingIn) OnDecode(_ registry.Conn, v any) (any, error) { h.at("OnDecode"); return v, nil }
func (h *boltingIn) OnReceive(registry.Conn, any) error           { h.at("OnReceive"); return nil }
func (h *boltingIn) handle(*Conn, any) error                      { h.at("handler"); return nil }
func (h *boltingIn) packet(_ *Conn, _ *registry.Type, v any) (any, error) {
	h.at("PacketIn")
	return v, nil
}
func (h *boltingIn) encoded(_ *Conn, raw []byte) ([]byte, error) { h.at("EncodedIn"); return raw, nil }

// boltingValue does not return from decoding itself.
type boltingValue struct{ h *boltingIn }

func (v *boltingValue) UnmarshalMsg(b []byte) ([]byte, error) {
	v.h.at("UnmarshalMsg")
	return b[1:], nil
}

// What does not return on the way in ends its own conn, after the answers that
// it had, and touches no other.
func TestReceivingThatDoesNotReturn(t *testing.T) {
	for _, in := range []string{"NewValue", "UnmarshalMsg", "OnDecode", "OnReceive", "handler", "PacketIn", "EncodedIn"} {
		for how, bolt := range map[string]func(){"Goexit": runtime.Goexit, "panic": func() { panic("bolted") }} {
			for _, over := range []string{"tcp", "memory, one reactor"} {
				t.Run(fmt.Sprint(in, ", ", how, ", ", over), func(t *testing.T) {
					s, c := newSide(false, 17, 18), newSide(true, 40, 41)
					armed := false // on the loop, where all of it happens
					h := &boltingIn{in, func() {
						if armed {
							armed = false
							bolt()
						}
					}}
					s.cfg.PacketIn, s.cfg.EncodedIn = h.packet, h.encoded
					s.reg.AddObject("test:any", 30, h)
					c.reg.AddObject("test:any", 50, nil)
					w := transports[over](t, s, c)
					w.server.Untyped().Handle("test:any", h.handle)
					pongs := inbox(t, w.client, c.pong, 10)
					Handle(w.server, s.ping, func(conn *Conn, v *note) error {
						armed = v.Text == "arm"
						return Reply(conn, s.pong, v)
					})
					_, other := w.handshake(t)
					sc, cc := w.handshake(t)
					Send(cc, c.ping, &note{1, "arm"})
					if err := cc.Untyped().Send("test:any", 1); err != nil {
						t.Fatal(err)
					}
					if got := wait(t, "answer", pongs); got.N != 1 {
						t.Errorf("got %+v", got)
					}
					want := ReasonHandler
					if in == "UnmarshalMsg" && how == "panic" {
						want = ReasonPayload // codec takes it for what it mostly is
					}
					if e := s.next(t, "lost"); e.conn != sc || !errors.Is(e.reason, want) {
						t.Errorf("the server lost %v because of %v", e.conn, e.reason)
					}
					c.next(t, "lost")
					Send(other, c.ping, &note{2, ""})
					if got := wait(t, "answer to another", pongs); got.N != 2 {
						t.Errorf("got %+v", got)
					}
				})
			}
		}
	}
}
