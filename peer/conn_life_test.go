package peer

import (
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/registry"
)

// diary notes which of the program's functions were called.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, what)
}

// tear returns what was noted since the last time.
func (d *diary) tear() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := strings.Join(d.entries, " ")
	d.entries = nil
	return all
}

// noted is a packet object with every hook.
type noted struct{ *diary }

func (h noted) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	h.note("OnSend")
	return to, v, nil
}
func (h noted) OnEncode(_ registry.Conn, v any) (any, error) { h.note("OnEncode"); return v, nil }
func (h noted) OnDecode(_ registry.Conn, v any) (any, error) { h.note("OnDecode"); return v, nil }
func (h noted) OnReceive(registry.Conn, any) error           { h.note("OnReceive"); return nil }

// noteAll has every function that a program can give to s write into d, but
// OnMade and OnLost, which s has its own of.
func noteAll(d *diary, s *side) {
	cfg := &s.cfg
	cfg.Authenticate = func(*Conn, Credentials) error { return nil }
	cfg.OnPacket = func(*Conn, *registry.Type, any) error { d.note("OnPacket"); return nil }
	cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) { d.note("EncodedIn"); return raw, nil }
	cfg.EncodedOut = func(_ *Conn, raw []byte) ([]byte, error) { d.note("EncodedOut"); return raw, nil }
	cfg.PacketIn = func(_ *Conn, _ *registry.Type, v any) (any, error) { d.note("PacketIn"); return v, nil }
	cfg.PacketOut = func(_ *Conn, _ *registry.Type, v any) (any, error) { d.note("PacketOut"); return v, nil }
	cfg.OnPressure = func(*Conn, bool) { d.note("OnPressure") }
}

// handleAll does the same with handlers.
func handleAll(t *testing.T, d *diary, server *Server, s *side) {
	t.Helper()
	Handle(server, s.ping, func(*Conn, *note) error { d.note("handler"); return nil })
	server.Untyped().HandleRaw("test:raw", func(*Conn, []byte) error { d.note("raw handler"); return nil })
	server.Untyped().Handle("test:hooked", func(*Conn, any) error { d.note("any handler"); return nil })
	server.Untyped().HandleRaw("packetmq:early", func(*Conn, []byte) error { d.note("internal handler"); return nil })
}

// pokes are all that can happen to a conn. They are called on its loop.
var pokes = map[string]func(c *Conn){
	"pressure": func(c *Conn) { (*engineHandler)(c).Pressure(nil, true) },
	"relief": func(c *Conn) {
		c.makeRare().overPressure, c.makeRare().toldPressure = true, true
		(*engineHandler)(c).Pressure(nil, false)
	},
	"typed packet":      func(c *Conn) { arrive(c, 17) },
	"raw packet":        func(c *Conn) { arrive(c, 19) },
	"packet with hooks": func(c *Conn) { arrive(c, 20) },
	"unhandled packet":  func(c *Conn) { arrive(c, 18) },
	"unknown packet":    func(c *Conn) { arrive(c, 99) },
	"internal packet":   func(c *Conn) { arrive(c, 5) },
	"two packets":       func(c *Conn) { arrive(c, 17, 17) },
	"RecvPacket":        func(c *Conn) { c.Untyped().RecvPacket("test:ping", &note{}) },
	"RecvEncoded":       func(c *Conn) { c.Untyped().RecvEncoded([]byte{0, 17, 0x80}) },
	"Send":              func(c *Conn) { c.Untyped().Send("test:hooked", "v") },
	"Send of internal":  func(c *Conn) { c.Untyped().Send("packetmq:early", "v") },
	"Peer.Send":         func(c *Conn) { c.peer.Untyped().Send(c, "test:hooked", "v") },
	"SendEncoded":       func(c *Conn) { c.Untyped().SendEncoded([]byte{0, 17, 0x80}) },
	"Reply":             func(c *Conn) { c.Untyped().Reply("test:hooked", "v") },
	"ReplyRaw":          func(c *Conn) { t, _ := c.peer.reg.Lookup("test:raw"); c.ReplyRaw(t, []byte{0x80}) },
	"Broadcast":         func(c *Conn) { c.peer.Untyped().Broadcast("test:hooked", "v") },
}

// arrive has packets come in, as from the transport.
func arrive(c *Conn, ids ...uint16) {
	var b []byte
	for _, id := range ids {
		b = codec.AppendFrame(b, id, []byte{0x80})
	}
	(*engineHandler)(c).Received(nil, b)
}

// diaried is a server whose hooks and handlers all note their calls.
func diaried(t *testing.T) (*diary, *side, *Server) {
	t.Helper()
	d := new(diary)
	s := newSide(false, 17, 18)
	s.reg.AddObject("test:raw", 19, nil)
	s.reg.AddObject("test:hooked", 20, noted{d})
	s.reg.AddInternal("packetmq:early", 5, nil)
	noteAll(d, s)
	server := NewServer(s.reg, &s.cfg)
	handleAll(t, d, server, s)
	return d, s, server
}

// What of a program runs for a conn runs after it was authenticated and before
// OnLost, whatever happens to it. Sides that the program trusts to have gone on
// to SetState are no exception.
func TestProgramCodeRunsWithinTheLifeOfItsConn(t *testing.T) {
	made := func(end func(c *Conn, w *wire)) func(t *testing.T, s *side, w *wire) *Conn {
		return func(t *testing.T, s *side, w *wire) *Conn {
			w.shake(3)
			c := s.next(t, "made").conn
			end(c, w)
			s.next(t, "lost")
			return c
		}
	}
	for state, reach := range map[string]func(t *testing.T, s *side, w *wire) *Conn{
		"connMade": func(t *testing.T, s *side, w *wire) *Conn { w.expect(0); return nil },
		"idcheck":  func(t *testing.T, s *side, w *wire) *Conn { w.shake(1); w.expect(2); return nil },
		"softquit": made(func(c *Conn, w *wire) { c.Softquit("reason.bye") }),
		"softquit by the other side": made(func(c *Conn, w *wire) {
			w.send(registry.IDSoftquit, softquitMsg{"reason.bye"}.append(nil))
		}),
		"fault":    made(func(c *Conn, w *wire) { w.send(0, initMsg{version: 1}.append(nil)) }),
		"abort":    made(func(c *Conn, w *wire) { c.Abort(errBroken) }),
		"gone":     made(func(c *Conn, w *wire) { w.Close() }),
		"set back": made(func(c *Conn, w *wire) { c.Softquit("reason.bye") }),
	} {
		for poke, do := range pokes {
			t.Run(state+"/"+poke, func(t *testing.T) {
				d, s, server := diaried(t)
				w := dialTo(t, open(t, server))
				c := reach(t, s, w)
				if c == nil {
					await.True(t, "conn", func() bool { return server.Conn(1) != nil })
					c = server.Conn(1)
				}
				if state == "set back" {
					c.Untyped().SetState(Active)
				}
				d.tear()
				if err := c.Loop().Call(t.Context(), func() { do(c) }); err != nil {
					t.Fatal(err)
				}
				c.Loop().Call(t.Context(), func() {}) // after what that has posted
				if got := d.tear(); got != "" {
					t.Errorf("the program's code ran: %s", got)
				}
			})
		}
	}
}

// The same pokes reach an active conn, each of them.
func TestPokesReachAnActiveConn(t *testing.T) {
	for poke, do := range pokes {
		d, s, server := diaried(t)
		w := dialTo(t, open(t, server))
		w.shake(3)
		c := s.next(t, "made").conn
		d.tear()
		c.Loop().Call(t.Context(), func() { do(c) })
		c.Loop().Call(t.Context(), func() {})
		if d.tear() == "" {
			t.Errorf("%s does not reach the program at all", poke)
		}
	}
}

// The first packet proves that the other side has finished the handshake as well
// as its finish does: OnMade comes before any hook sees it.
func TestOnMadeComesBeforeTheHooks(t *testing.T) {
	s := newSide(false, 17, 18)
	order := make(chan string, 10)
	made := s.cfg.OnMade
	s.cfg.OnMade = func(c *Conn) { order <- "made"; made(c) }
	s.cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) { order <- "hook"; return raw, nil }
	dial := listenWire(t, s)
	w := dial()
	w.shake(2)
	w.send(17, []byte{0x80})
	if first, second := wait(t, "call", order), wait(t, "call", order); first != "made" || second != "hook" {
		t.Errorf("called %s and then %s", first, second)
	}
}

// Pressure that was there before OnMade is told after it, once.
func TestPressureBeforeOnMadeIsToldAfterIt(t *testing.T) {
	s := newSide(false, 17, 18)
	pressed := make(chan bool, 10)
	s.cfg.OnPressure = func(_ *Conn, above bool) { pressed <- above }
	server := NewServer(s.reg, &s.cfg)
	w := dialTo(t, open(t, server))
	w.shake(1)
	await.True(t, "conn", func() bool { return server.Conn(1) != nil })
	c := server.Conn(1)
	c.Loop().Call(t.Context(), func() { (*engineHandler)(c).Pressure(nil, true) })
	nothing(t, "pressure", pressed)
	w.expect(2)
	w.send(2, pubIDsMsg{adapt: true}.append(nil))
	w.send(3, []byte{0xc0})
	s.next(t, "made")
	if !wait(t, "pressure", pressed) {
		t.Error("told of relief")
	}
	c.Loop().Call(t.Context(), func() { (*engineHandler)(c).Pressure(nil, true) })
	nothing(t, "second pressure", pressed)
}

// ender ends a conn in the first of its functions that has a name, and notes those
// that are called.
type ender struct {
	diary
	in  string
	end func(c *Conn)
}

func (e *ender) at(c registry.Conn, what string) {
	e.note(what)
	if what == e.in {
		e.in = ""
		e.end(c.(*Conn))
	}
}

func (e *ender) OnSend(c registry.Conn, v any) (registry.Conn, any, error) {
	e.at(c, "OnSend")
	return c, v, nil
}
func (e *ender) OnEncode(c registry.Conn, v any) (any, error) { e.at(c, "OnEncode"); return v, nil }
func (e *ender) OnDecode(c registry.Conn, v any) (any, error) { e.at(c, "OnDecode"); return v, nil }
func (e *ender) OnReceive(c registry.Conn, v any) error       { e.at(c, "OnReceive"); return nil }

// A hook that gives its base what ends the conn is the last that is called, but
// OnLost: neither the packet that it was called for goes on, nor does one that it
// returns.
func TestNoHookIsCalledAfterOneThatEndsTheConn(t *testing.T) {
	in := []string{"EncodedIn", "OnDecode", "PacketIn", "OnReceive", "handler"}
	out := []string{"OnSend", "PacketOut", "OnEncode", "EncodedOut"}
	for name, raw := range map[string][]byte{
		"softquit":    append([]byte{0, registry.IDSoftquit}, softquitMsg{"reason.bye"}.append(nil)...),
		"bad payload": {0, 17, 0xc1},
		"violation":   {0, registry.IDFinish, 0xc0},
	} {
		for i, hook := range append(in, out...) {
			t.Run(hook+"/"+name, func(t *testing.T) {
				s := newSide(false, 17, 18)
				e := &ender{in: hook, end: func(c *Conn) { c.EncodedIn(raw) }}
				s.reg.AddObject("test:hooked", 20, e)
				s.cfg.EncodedIn = func(c *Conn, raw []byte) ([]byte, error) { e.at(c, "EncodedIn"); return raw, nil }
				s.cfg.EncodedOut = func(c *Conn, raw []byte) ([]byte, error) { e.at(c, "EncodedOut"); return raw, nil }
				s.cfg.PacketIn = func(c *Conn, _ *registry.Type, v any) (any, error) { e.at(c, "PacketIn"); return v, nil }
				s.cfg.PacketOut = func(c *Conn, _ *registry.Type, v any) (any, error) { e.at(c, "PacketOut"); return v, nil }
				server := NewServer(s.reg, &s.cfg)
				server.Untyped().Handle("test:hooked", func(c *Conn, _ any) error { e.at(c, "handler"); return nil })
				w := dialTo(t, open(t, server))
				w.shake(3)
				c := s.next(t, "made").conn
				var want []string
				if i < len(in) {
					want = in[:i+1]
					w.send(20, []byte{0x80})
				} else {
					want = out[:i+1-len(in)]
					onLoop(t, c, func() { c.Untyped().Send("test:hooked", "v") })
				}
				s.next(t, "lost")
				onLoop(t, c, func() {})
				if got := e.tear(); got != strings.Join(want, " ") {
					t.Errorf("called %s, want %s", got, want)
				}
			})
		}
	}
}

// What a program gives to PacketIn itself is handled within the life of the conn
// too, internal packets not excepted.
func TestPacketInWithinTheLifeOfItsConn(t *testing.T) {
	s := newSide(false, 17, 18)
	early, err := s.reg.AddInternal("packetmq:early", 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Authenticate = func(*Conn, Credentials) error { return nil }
	s.cfg.QuitGrace = patience // in which the conn is still there
	server := NewServer(s.reg, &s.cfg)
	for _, pkt := range []*registry.Type{early, s.ping.In(s.reg)} {
		server.Untyped().Handle(pkt, func(*Conn, any) error { t.Errorf("%s was handled", pkt.Name()); return nil })
	}
	give := func(c *Conn, when string) {
		t.Helper()
		for _, pkt := range []*registry.Type{early, s.ping.In(s.reg)} {
			onLoop(t, c, func() {
				if err := c.PacketIn(pkt, nil); err != ErrNotActive {
					t.Errorf("%s, %s: error %v", pkt.Name(), when, err)
				}
			})
		}
	}
	ln := open(t, server)
	dialTo(t, ln).expect(0)
	give(server.Conn(1), "before Authenticate")
	dialTo(t, ln).shake(3)
	c := s.next(t, "made").conn
	c.Softquit("reason.bye")
	s.next(t, "lost")
	give(c, "after OnLost")
}
