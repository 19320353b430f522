package peer

import (
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// program is one version of a program in the tests of packets that may change.
type program struct {
	packets    []string // all of note, and all but test:ping and test:pong optional
	extensions bool     // it knows features
}

// programs are versions of one program. Yesterday's knows no features.
var programs = map[string]program{
	"yesterday": {[]string{"test:ping", "test:pong"}, false},
	"today":     {[]string{"test:ping", "test:pong", "test:today", "test:gone"}, true},
	"tomorrow":  {[]string{"test:pong", "test:new", "test:ping", "test:newer", "test:today"}, true},
}

// registry makes the program's registry. Ids are in the order of the names, from first on.
func (v program) registry(adapts bool, first int) *registry.Registry {
	reg := newRegistry(adapts)
	for i, name := range v.packets {
		var opts []registry.Option
		if name != "test:ping" && name != "test:pong" {
			opts = append(opts, registry.Optional())
		}
		registry.MustAdd[note](reg, name, first+i, opts...)
	}
	return reg
}

// Each version of a program talks to each, in both roles, with whichever of the two adapting:
// what both have arrives, and what one lacks is refused at once by the other.
func TestVersionsOfAProgram(t *testing.T) {
	for serverName, ofServer := range programs {
		for clientName, ofClient := range programs {
			for _, serverAdapts := range []bool{false, true} {
				name := serverName + " server, " + clientName + " client"
				if serverAdapts {
					name += ", server adapts"
				}
				t.Run(name, func(t *testing.T) { testVersions(t, ofServer, ofClient, serverAdapts) })
			}
		}
	}
}

func testVersions(t *testing.T, ofServer, ofClient program, serverAdapts bool) {
	sc := &Config{Identity: Identity{NoExtensions: !ofServer.extensions}}
	cc := &Config{Identity: Identity{NoExtensions: !ofClient.extensions}}
	server := NewServer(ofServer.registry(serverAdapts, 20), sc)
	client := NewClient(ofClient.registry(!serverAdapts, 50), cc)
	made := make(chan *Conn, 1)
	server.Observe(Observer{Made: func(c *Conn) { made <- c }})
	ln := open(t, server)
	run(t, client.Peer)
	got := make(chan string, 10)
	for _, p := range []*Peer{server.Peer, client.Peer} {
		for _, e := range p.Registry().Table().IDs()[4:] {
			p.Untyped().Handle(e.Name, func(*Conn, any) error { got <- e.Name; return nil })
		}
	}
	atClient, err := client.Connect(t.Context(), "tcp://"+ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	atServer := wait(t, "conn", made)
	both := ofServer.extensions && ofClient.extensions
	check := func(c *Conn, own, other program) {
		t.Helper()
		for _, name := range own.packets {
			must := name == "test:ping" || name == "test:pong"
			want := must || both && slices.Contains(other.packets, name)
			pkt, _ := c.Peer().Registry().Lookup(name)
			if knows := c.Untyped().Knows(name); knows != want {
				t.Errorf("Knows(%s) of %v is %v", name, c, knows)
			}
			err := c.Untyped().Send(pkt, &note{N: 1})
			if want != (err == nil) || !want && !errors.Is(err, ErrNotOnWire) {
				t.Errorf("a send of %s on %v: %v", name, c, err)
			}
			if err == nil {
				if there := wait(t, "packet", got); there != name {
					t.Errorf("%s arrived as %s", name, there)
				}
			}
		}
	}
	check(atClient, ofClient, ofServer)
	check(atServer, ofServer, ofClient)
}

// A side that insists and knows no features may have a packet that is optional here.
func TestAnOptionalPacketOfASideWithoutFeatures(t *testing.T) {
	setUp := func(s, c *side) {
		s.cfg.NoExtensions = true
		s.reg.AddObject("test:more", 70, nil)
		c.reg.AddObject("test:more", 80, nil, registry.Optional())
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		w.server.Untyped().Handle("test:more", func(c *Conn, v any) error { return c.Untyped().Reply("test:more", v) })
		w.client.Untyped().Handle("test:more", func(_ *Conn, v any) error { got <- v; return nil })
		_, cc := w.handshake(t)
		if err := cc.Untyped().Send("test:more", "both have it"); err != nil {
			t.Fatal(err)
		}
		if v := wait(t, "answer", got); v != "both have it" {
			t.Errorf("got %v", v)
		}
	})
}

// What is not optional must be the same on both sides, features or not.
func TestPacketsThatAreNotOptionalMustBeTheSame(t *testing.T) {
	for _, more := range []string{"server", "client"} {
		setUp := func(s, c *side) {
			reg := s.reg
			if more == "client" {
				reg = c.reg
			}
			reg.AddObject("test:more", 70, nil)
		}
		everywhere(t, setUp, func(t *testing.T, w *world) {
			if _, err := w.connect(t.Context()); !errors.Is(err, ReasonNonEqualPackets) {
				t.Errorf("with one more packet at the %s: %v", more, err)
			}
		})
	}
}

// A packet that is added while conns are open is told to their other sides, and can be sent
// when both have it, whichever of them adds it first. One that is removed cannot.
func TestPacketsOfAModuleThatIsLoaded(t *testing.T) {
	for _, first := range []string{"server", "client"} {
		t.Run(first+" first", func(t *testing.T) {
			everywhereAtOnce(t, nil, func(t *testing.T, w *world) {
				got := make(chan any, 10)
				sc, cc := w.handshake(t)
				regs := []*registry.Registry{w.s.reg, w.c.reg}
				peers := []*Peer{w.server.Peer, w.client}
				if first == "client" {
					slices.Reverse(regs)
					slices.Reverse(peers)
				}
				for round := range 2 { // loaded, unloaded and loaded again
					for i, reg := range regs {
						if _, err := reg.AddObject("test:module", 70+10*i+round, nil, registry.Optional()); err != nil {
							t.Fatal(err)
						}
						peers[i].Untyped().Handle("test:module", func(_ *Conn, v any) error { got <- v; return nil })
						if i == 0 {
							for _, c := range []*Conn{sc, cc} {
								if c.Untyped().Knows("test:module") {
									t.Error("a packet is known that one side lacks")
								}
							}
						}
					}
					for _, c := range []*Conn{sc, cc} {
						eventually(t, "update", func() bool { return c.Untyped().Knows("test:module") })
						if err := c.Untyped().Send("test:module", round); err != nil {
							t.Fatal(err)
						}
						if v := wait(t, "packet", got); v != int64(round) {
							t.Errorf("got %v", v)
						}
					}
					regs[0].Remove("test:module")
					for _, c := range []*Conn{sc, cc} {
						eventually(t, "removal", func() bool { return !c.Untyped().Knows("test:module") })
						if err := c.Untyped().Send("test:module", 1); err == nil {
							t.Error("a removed packet was sent")
						}
					}
					regs[1].Remove("test:module")
				}
			})
		})
	}
}

// An update is in order with packets: a packet sent as soon as it is known arrives.
func TestAnUpdateIsInOrder(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		updates := make(chan *Conn, 100)
		w.server.Observe(Observer{Updated: func(c *Conn) { updates <- c }})
		sc, cc := w.handshake(t)
		got := make(chan any, 100)
		for n := range 20 {
			name := "test:module" + string(rune('a'+n))
			for i, p := range []*Peer{w.server.Peer, w.client} {
				p.Registry().AddObject(name, 70+n+100*i, nil, registry.Late())
				p.Untyped().Handle(name, func(_ *Conn, v any) error { got <- v; return nil })
			}
		}
		for _, c := range []*Conn{sc, cc} {
			for n := range 20 {
				name := "test:module" + string(rune('a'+n))
				eventually(t, "update", func() bool { return c.Untyped().Send(name, n) == nil })
				if v := wait(t, "packet", got); v != int64(n) {
					t.Errorf("got %v, want %d", v, n)
				}
			}
		}
		if c := wait(t, "update", updates); c != sc {
			t.Errorf("%v was updated, want %v", c, sc)
		}
		if n := w.server.Stats().Unknown + w.client.Stats().Unknown; n != 0 {
			t.Errorf("%d packets were unknown", n)
		}
	})
}

// The id of a packet that was removed is never that of another one on the same conn: what is
// under way may still be of the old one.
func TestIDsAreNotUsedAgainOnAConn(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := transports["tcp"](t, s, c)
	for _, reg := range []*registry.Registry{s.reg, c.reg} {
		reg.AddObject("test:old", 70, nil, registry.Optional())
	}
	old, _ := w.handshake(t)
	for _, reg := range []*registry.Registry{s.reg, c.reg} {
		reg.Remove("test:old")
		reg.AddObject("test:new", 70, nil, registry.Optional())
		reg.AddObject("test:other", 71, nil, registry.Optional())
	}
	eventually(t, "update", func() bool { return old.Untyped().Knows("test:other") })
	if old.Untyped().Knows("test:new") {
		t.Error("id 70 is that of another packet")
	}
	next, _ := w.handshake(t)
	if !next.Untyped().Knows("test:new") {
		t.Error("a new conn does not know the packet")
	}
}

// Many packets are told in several updates, none of them larger than the other side takes.
func TestManyPacketsAreTold(t *testing.T) {
	setUp := func(s, c *side) { c.cfg.MaxFrame = 1 << 10 }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		names := make([]string, 150) // more would have to wait for the pace of updates
		for i := range names {
			names[i] = "test:a packet with a rather long name " + string(rune('a'+i%26)) + string(rune('a'+i/26))
			for n, reg := range []*registry.Registry{w.s.reg, w.c.reg} {
				if _, err := reg.AddObject(names[i], 100+i+1000*n, nil, registry.Optional()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range []*Conn{sc, cc} {
			for _, name := range names {
				eventually(t, "updates", func() bool { return c.Untyped().Knows(name) })
			}
		}
	})
}

// versionOne and versionTwo are the types of one packet in two versions of a program.
type versionOne struct {
	N int `msgpack:"n"`
}

type versionTwo struct {
	N    string `msgpack:"n"`
	More int    `msgpack:"more"`
}

// Two sides with different types for one packet talk all the same; each finds out.
func TestShapesThatDifferAreTold(t *testing.T) {
	var changed registry.Packet[versionOne]
	var log *book
	setUp := func(s, c *side) {
		log = new(book)
		s.cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
		s.cfg.Version, c.cfg.Version = "server 1.0", "client 2.0"
		changed = registry.MustAdd[versionOne](s.reg, "test:changed", 70)
		registry.MustAdd[versionTwo](c.reg, "test:changed", 70)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		w.handshake(t)
		if !sc.Remote().Differs(changed) || sc.Remote().Differs(w.s.ping) {
			t.Errorf("differs: %v %v", sc.Remote().Differs(changed), sc.Remote().Differs(w.s.ping))
		}
		if v := sc.Remote().Version(); v != "client 2.0" {
			t.Errorf("the client's version is %q", v)
		}
		if v := cc.Remote().Version(); v != "server 1.0" {
			t.Errorf("the server's version is %q", v)
		}
		for _, p := range []*Peer{w.server.Peer, w.client} {
			if d := p.Stats().Differing; len(d) != 1 || d["test:changed"] != 2 {
				t.Errorf("differing: %v", d)
			}
		}
		const line = "packet has another shape on the other side"
		eventually(t, "line", func() bool { return len(log.lines(line)) > 0 })
		if n := len(log.lines(line)); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}

// A side that does not know features has told nothing.
func TestRemoteWithoutFeatures(t *testing.T) {
	setUp := func(_, c *side) { c.cfg.NoExtensions = true }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		for _, c := range []*Conn{sc, cc} {
			if c.Remote().Version() != "" || c.Uses(FeatureOptional) || c.Remote().Differs(w.s.ping) {
				t.Errorf("%v has told something", c)
			}
		}
		if sc.Remote().Has(FeatureOptional) || !sc.Knows(w.s.ping) {
			t.Error("a side without features has some, or lacks a packet")
		}
	})
	if (Remote{}).Has(FeatureOptional) || (*Conn)(nil).Knows(registry.Packet[note]{}) || (*Conn)(nil).Remote().Version() != "" {
		t.Error("no conn has told something")
	}
}
