package peer

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

const testFeature = firstExtension

// told is what a test's extension was told of a conn.
type told struct {
	conn    *Conn
	what    string
	details string
}

// extension is one that offers words and notes what it is told.
func extension(f Feature, offer string, notes chan<- told) Extension {
	return Extension{
		Feature: f,
		Offer:   func(*Conn) []byte { return []byte(offer) },
		Offered: func(c *Conn, d []byte) error { notes <- told{c, "offered", string(d)}; return nil },
		Packet:  func(c *Conn, d []byte) error { notes <- told{c, "packet", string(d)}; return nil },
	}
}

// What a package tells of its feature arrives before the conn is made, and its packets are in
// order with those of the program, whatever carries them.
func TestExtension(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		notes := make(chan told, 10)
		for _, p := range []*Peer{w.server.Peer, w.client} {
			p.Observe(Observer{Made: func(c *Conn) { notes <- told{c, "made", ""} }})
		}
		fromServer, fromClient := make(chan told, 10), make(chan told, 10)
		if err := w.server.Extend(extension(testFeature, "of the server", fromClient)); err != nil {
			t.Fatal(err)
		}
		if err := w.client.Extend(extension(testFeature, "of the client", fromServer)); err != nil {
			t.Fatal(err)
		}
		sc, cc := w.handshake(t)
		if n := wait(t, "offer", fromClient); n.conn != sc || n.details != "of the client" {
			t.Errorf("the server was told %+v", n)
		}
		if n := wait(t, "offer", fromServer); n.conn != cc || n.details != "of the server" {
			t.Errorf("the client was told %+v", n)
		}
		if !cc.Uses(testFeature) || !sc.Remote().Has(testFeature) {
			t.Error("the feature is not in force")
		}
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { fromClient <- told{c, "ping", v.Text}; return nil })
		if err := cc.SendExtension(testFeature, []byte("one")); err != nil {
			t.Fatal(err)
		}
		Send(cc, w.c.ping, &note{Text: "two"})
		cc.SendExtension(testFeature, []byte("three"))
		for _, want := range []told{{sc, "packet", "one"}, {sc, "ping", "two"}, {sc, "packet", "three"}} {
			if got := wait(t, "packet", fromClient); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

// A feature that only one side has, or that one side cannot have, is in force on neither.
func TestFeatureOfOneSide(t *testing.T) {
	for name, setUp := range map[string]func(s, c *side, server, client *Peer){
		"only one":    func(_, _ *side, server, _ *Peer) { server.Extend(extension(testFeature, "", nil)) },
		"id is taken": bothExtend,
	} {
		t.Run(name, func(t *testing.T) {
			names := func(s, c *side) {
				if name == "id is taken" {
					id, _ := testFeature.packetID()
					s.reg.AddInternal("packetmq:own", int(id), nil)
					c.reg.AddInternal("packetmq:own", 4, nil)
				}
			}
			everywhere(t, names, func(t *testing.T, w *world) {
				setUp(w.s, w.c, w.server.Peer, w.client)
				sc, cc := w.handshake(t)
				for _, c := range []*Conn{sc, cc} {
					if c.Uses(testFeature) {
						t.Errorf("%v uses the feature", c)
					}
					if err := c.SendExtension(testFeature, nil); !errors.Is(err, ErrNotOnWire) {
						t.Errorf("SendExtension: %v", err)
					}
				}
			})
		})
	}
}

func bothExtend(_, _ *side, server, client *Peer) {
	server.Extend(extension(testFeature, "", make(chan told, 9)))
	client.Extend(extension(testFeature, "", make(chan told, 9)))
}

// What an extension does wrong, or refuses, ends its conn and no other.
func TestExtensionThatEndsItsConn(t *testing.T) {
	oops := errors.New("oops")
	for name, test := range map[string]struct {
		change func(x *Extension)
		made   bool
		want   error
	}{
		"offer too long": {func(x *Extension) { x.Offer = func(*Conn) []byte { return make([]byte, maxOffer+1) } }, false, ReasonUnknown},
		"refused":        {func(x *Extension) { x.Offered = func(*Conn, []byte) error { return oops } }, false, oops},
		"panic":          {func(x *Extension) { x.Offered = func(*Conn, []byte) error { panic(oops) } }, false, ReasonHandler},
		"packet refused": {func(x *Extension) { x.Packet = func(*Conn, []byte) error { return oops } }, true, oops},
		"no packet":      {func(x *Extension) { x.Packet = nil }, true, ReasonProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			w := transports["tcp"](t, s, c)
			x := extension(testFeature, "", make(chan told, 9))
			test.change(&x)
			w.server.Extend(x)
			w.client.Extend(extension(testFeature, "", make(chan told, 9)))
			cc, err := w.connect(t.Context())
			if (err == nil) != test.made && test.made {
				t.Fatalf("connected: %v", err)
			}
			if test.made {
				s.next(t, "made")
				cc.SendExtension(testFeature, []byte("x"))
			}
			if e := s.next(t, "lost"); !errors.Is(e.reason, test.want) {
				t.Errorf("lost because of %v, want %v", e.reason, test.want)
			}
		})
	}
}

func TestExtendRefuses(t *testing.T) {
	server := NewServer(registry.New(), nil)
	defer server.Close()
	if err := server.Extend(Extension{Feature: testFeature}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []Feature{FeatureOptional, FeatureShapes, FeatureProgram, testFeature, MaxFeature + 1} {
		if err := server.Extend(Extension{Feature: f}); !errors.Is(err, ErrFeature) {
			t.Errorf("Extend(%d) = %v", f, err)
		}
	}
}

// Each feature has an id of its own, if any, and all of 4 to 13 are used.
func TestIDsOfFeatures(t *testing.T) {
	of := make(map[uint16]Feature)
	for f := range MaxFeature + 1 {
		id, ok := f.packetID()
		if !ok {
			continue
		}
		if other, twice := of[id]; twice {
			t.Errorf("features %d and %d have the id %d", f, other, id)
		}
		of[id] = f
		if back, ok := featureOf(id); !ok || back != f {
			t.Errorf("id %d is of feature %d, %v; want %d", id, back, ok, f)
		}
	}
	for id := range uint16(registry.MinID) {
		if _, has := of[id]; has != (id > registry.IDFinish && id <= registry.IDUpdate) {
			t.Errorf("id %d is of a feature: %v", id, has)
		}
	}
}

// updateOf is the payload of an update.
func updateOf(add []registry.Entry, drop ...string) []byte {
	n := &news{add: add, drop: drop}
	return n.append(nil)
}

// An update that breaks a rule ends its conn.
func TestBadUpdates(t *testing.T) {
	entry := func(name string, id uint16) []registry.Entry { return []registry.Entry{{Name: name, ID: id}} }
	for name, test := range map[string]struct {
		updates [][]byte
		want    Reason
	}{
		"no map":                {[][]byte{{0xc0}}, ReasonPayload},
		"empty":                 {[][]byte{{}}, ReasonPayload},
		"trailing":              {[][]byte{append(updateOf(nil), 0)}, ReasonPayload},
		"too many names":        {[][]byte{{0x81, 0xa4, 'd', 'r', 'o', 'p', 0xdc, 0x20, 0x00}}, ReasonPayload},
		"too long":              {[][]byte{append(codec.AppendMapHeader(nil, 1), codec.AppendBytes(codec.AppendString(nil, "x"), make([]byte, maxPubIDsPayload))...)}, ReasonProtocol},
		"added twice":           {[][]byte{updateOf(entry("test:ping", 40))}, ReasonProtocol},
		"id of another":         {[][]byte{updateOf(entry("test:more", 40))}, ReasonProtocol},
		"internal id":           {[][]byte{updateOf(entry("test:more", 5))}, ReasonProtocol},
		"twice in one":          {[][]byte{updateOf(append(entry("test:more", 50), entry("test:more", 50)...))}, ReasonProtocol},
		"two with one id":       {[][]byte{updateOf(append(entry("test:more", 50), entry("test:less", 50)...))}, ReasonProtocol},
		"another id afterwards": {[][]byte{updateOf(nil, "test:ping"), updateOf(entry("test:ping", 50))}, ReasonProtocol},
		"id of a removed one":   {[][]byte{updateOf(nil, "test:ping"), updateOf(entry("test:more", 40))}, ReasonProtocol},
		"too often":             {slicesOf(updateBurst+1, updateOf(nil)), ReasonProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			server := NewServer(s.reg, &s.cfg)
			w := dialTo(t, open(t, server))
			w.shakeAs(initMsg{version: protocolVersion, features: 1 << FeatureOptional})
			s.next(t, "made")
			for _, u := range test.updates {
				w.Write(codec.AppendFrame(nil, registry.IDUpdate, u)) // it may have ended already
			}
			e := s.next(t, "lost")
			var bad *ProtocolError
			if !errors.Is(e.reason, test.want) || test.want == ReasonProtocol && !errors.As(e.reason, &bad) {
				t.Errorf("lost because of %v, want %v", e.reason, test.want)
			}
		})
	}
}

func slicesOf(n int, b []byte) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}

// Of a side's packets that this one lacks, so many are remembered.
func TestPacketsThatThisSideLacks(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	w := dialTo(t, open(t, server))
	w.shakeAs(initMsg{version: protocolVersion, features: 1 << FeatureOptional})
	c := s.next(t, "made").conn
	for n := range 2 * maxLacked {
		w.send(registry.IDUpdate, updateOf([]registry.Entry{{Name: fmt.Sprint("test:", n), ID: uint16(100 + n)}}))
		if n%updateBurst == updateBurst-1 {
			eventually(t, "updates", func() bool { // else they would come too often
				var all bool
				onLoop(t, c, func() {
					if all = c.attach().heard.n == updateBurst; all {
						c.attach().heard.n = 0
					}
				})
				return all
			})
		}
	}
	eventually(t, "packets", func() bool { return len(c.ids.Load().theirs.ids) >= 6+maxLacked })
	if n := len(c.ids.Load().theirs.ids); n != 6+maxLacked {
		t.Errorf("%d packets are remembered, want %d", n, 6+maxLacked)
	}
}

// A side that adds and removes packets for ever is stopped before what is remembered of it
// grows without end. What it removes without having told it is nothing.
func TestUpdatesWithoutEnd(t *testing.T) {
	table := newSide(false, 17, 18).reg.Table()
	s := new(remoteSide)
	s.add(table.IDs(), nil, table)
	var last []string
	for n := 0; ; n++ {
		u := &news{drop: append(last, "test:never", registry.NameInit)}
		last = nil
		for i := range maxLacked {
			e := registry.Entry{Name: fmt.Sprint("test:", n, "-", i), ID: uint16(100 + maxLacked*n + i)}
			u.add, last = append(u.add, e), append(last, e.Name)
		}
		next, err := s.hearing(u, table)
		if err != nil {
			if n < registry.MaxNames/maxLacked/2 {
				t.Errorf("refused at update %d: %v", n, err)
			}
			return
		}
		if s = next; len(s.ids)+len(s.gone) > registry.MaxNames {
			t.Fatalf("%d packets are remembered after %d updates", len(s.ids)+len(s.gone), n)
		}
	}
}

// The bytes of an update are those of PROTOCOL.md.
func TestBytesOfAnUpdate(t *testing.T) {
	want := unhex("00000020 000d 83 a3616464 81 a76170703a6e6577 46 a6736861706573 c400 a464726f70 90")
	got := codec.AppendFrame(nil, registry.IDUpdate, updateOf([]registry.Entry{{Name: "app:new", ID: 70}}))
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add(updateOf([]registry.Entry{{Name: "test:more", ID: 50}}, "test:ping"), []byte{0})
	f.Add(updateOf(nil, "test:pong"), updateOf([]registry.Entry{{Name: "test:pong", ID: 18}}))
	table := newSide(false, 17, 18).reg.Table()
	f.Fuzz(func(t *testing.T, one, two []byte) {
		s := new(remoteSide)
		s.add(table.IDs(), nil, table)
		for _, b := range [][]byte{one, two} {
			n, err := parseNews(b)
			if err != nil {
				return
			}
			if s, err = s.hearing(n, table); err != nil {
				return
			}
			if len(s.ids) > table.Len()+maxLacked || len(s.shapes) != len(s.ids) {
				t.Fatalf("%d packets are remembered, and %d shapes", len(s.ids), len(s.shapes))
			}
			for _, adapts := range []bool{false, true} {
				k := idKey{told: &toldIDs{base: table, ids: table.IDs()}, theirs: s, adapts: adapts, base: table}
				a := k.make()
				for _, e := range k.inCommon() {
					if id, ok := a.table.WireID(table.Named(e.Name)); !ok || id != e.ID {
						t.Fatalf("%s has the id %d, %v; want %d", e.Name, id, ok, e.ID)
					}
				}
			}
		}
	})
}
