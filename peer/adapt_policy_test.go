package peer

import (
	"errors"
	"testing"
)

// A server and a client can have one registry, whose ids are those of both, over every
// transport: one of the two is told to adapt.
func TestOneRegistryForBothSides(t *testing.T) {
	for name, set := range map[string]func(s, c *side){
		"the client adapts": func(s, c *side) { c.cfg.Adapt = AdaptAlways },
		"the server adapts": func(s, c *side) { s.cfg.Adapt = AdaptAlways },
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) {
				set(s, c)
				if name == "the server adapts" {
					c.cfg.Adapt = AdaptNever
				}
				c.reg, c.ping, c.pong = s.reg, s.ping, s.pong
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
				answers := inbox(t, w.client, w.s.pong, 1)
				_, cc := w.handshake(t)
				if err := Send(cc, w.s.ping, &note{N: 3}); err != nil {
					t.Fatal(err)
				}
				if v := wait(t, "answer", answers); v.N != 3 {
					t.Errorf("the answer is %+v", v)
				}
			})
		})
	}
}

// Whatever the registries say, it is the peers' settings that count, and two that
// agree about who adapts do not come together.
func TestAdaptOfAPeerCountsBeforeItsRegistry(t *testing.T) {
	for _, test := range []struct {
		server, client bool // of the registries
		s, c           Adapt
		want           error
	}{
		{false, false, AdaptDefault, AdaptAlways, nil},
		{true, true, AdaptNever, AdaptDefault, nil},
		{true, false, AdaptNever, AdaptAlways, nil},
		{false, true, AdaptDefault, AdaptNever, ReasonSameAdaptivePolicy},
		{false, true, AdaptAlways, AdaptDefault, ReasonSameAdaptivePolicy},
		{false, true, AdaptNever + 1, 255, nil}, // none of the settings
	} {
		s, c := newSide(test.server, 17, 18), newSide(test.client, 40, 41)
		s.cfg.Adapt, c.cfg.Adapt = test.s, test.c
		server := NewMemoryServer(s.reg, &s.cfg)
		run(t, server.Peer)
		c.cfg.Reactor = server.Reactor()
		client := NewMemoryClient(c.reg, &c.cfg)
		if _, err := client.Connect(t.Context(), server); !errors.Is(err, test.want) {
			t.Errorf("%+v: Connect returns %v", test, err)
		}
	}
}

// One client with one registry connects to a server that insists and to one that
// adapts.
func TestWithAdapt(t *testing.T) {
	insists, adapts, c := newSide(false, 17, 18), newSide(true, 30, 31), newSide(true, 40, 41)
	one := NewMemoryServer(insists.reg, &insists.cfg)
	run(t, one.Peer)
	adapts.cfg.Reactor, c.cfg.Reactor = one.Reactor(), one.Reactor()
	other := NewMemoryServer(adapts.reg, &adapts.cfg)
	client := NewMemoryClient(c.reg, &c.cfg)
	if _, err := client.Connect(t.Context(), one); err != nil {
		t.Error(err)
	}
	if _, err := client.Connect(t.Context(), other); !errors.Is(err, ReasonSameAdaptivePolicy) {
		t.Errorf("two that adapt: %v", err)
	}
	if _, err := client.Connect(t.Context(), other, WithAdapt(AdaptNever)); err != nil {
		t.Error(err)
	}
}

// AdaptDefault, and a value that is none of the settings, leave a Connect to Config.Adapt.
func TestWithAdaptOfNoSetting(t *testing.T) {
	for _, a := range []Adapt{AdaptDefault, AdaptNever + 1, 255} {
		s, c := newSide(false, 17, 18), newSide(false, 40, 41)
		c.cfg.Adapt = AdaptAlways // against what its registry says
		server := NewMemoryServer(s.reg, &s.cfg)
		run(t, server.Peer)
		c.cfg.Reactor = server.Reactor()
		client := NewMemoryClient(c.reg, &c.cfg)
		if _, err := client.Connect(t.Context(), server, WithAdapt(a)); err != nil {
			t.Errorf("WithAdapt(%d): %v", a, err)
		}
	}
}
