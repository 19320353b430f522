package peer

import (
	"errors"
	"strings"
	"testing"
)

func TestHandshakeAndAdaptation(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		pongs := inbox(t, w.client, w.c.pong, 1)
		sc, cc := w.handshake(t)
		if sc.State() != Active || cc.State() != Active {
			t.Fatalf("states are %v and %v", sc.State(), cc.State())
		}
		if id, err := cc.wireID(w.c.ping.In(w.c.reg)); err != nil || id != 17 {
			t.Errorf("the client sends test:ping as %d, %v, want the server's 17", id, err)
		}
		if id := w.c.ping.ID(); id != 40 {
			t.Errorf("adaptation changed the client's registry: test:ping is %d", id)
		}
		if err := Send(cc, w.c.ping, &note{1, "to the server"}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "ping", pings); got != (note{1, "to the server"}) {
			t.Errorf("got %+v", got)
		}
		if err := Send(sc, w.s.pong, &note{2, "to the client"}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "pong", pongs); got != (note{2, "to the client"}) {
			t.Errorf("got %+v", got)
		}
		if w.server.Conn(sc.ID()) != sc || w.client.Conn(cc.ID()) != cc {
			t.Error("conns are not found by their ids")
		}
	})
}

func TestSkipHandshake(t *testing.T) {
	setUp := func(s, c *side) { s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan any, 1)
		w.server.Untyped().Handle(18, func(c *Conn, v any) error { got <- v.(*note).N; return nil })
		w.c.reg.AddObject("test:same", 18, nil)
		_, cc := w.handshake(t)
		if cc.State() != Active {
			t.Fatal(cc.State())
		}
		cc.Untyped().Send("test:same", note{5, ""})
		if v := wait(t, "packet", got); v != 5 {
			t.Errorf("got %v", v)
		}
	})
}

func TestSetState(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		cc.Untyped().SetState(IDCheck)
		if err := cc.Untyped().Send("test:ping", 1); !errors.Is(err, ErrNotActive) {
			t.Errorf("send in idcheck: %v", err)
		}
		cc.Untyped().SetState(Active)
		pings := inbox(t, w.server, w.s.ping, 1)
		if err := Send(cc, w.c.ping, &note{1, ""}); err != nil {
			t.Error(err)
		}
		wait(t, "packet", pings)
		if sc.State() != Active {
			t.Error(sc.State())
		}
	})
}

// Only Decide lets another side in that Authenticate has not decided about.
func TestSetStateDoesNotLetAnybodyIn(t *testing.T) {
	asked := make(chan *Conn, 1)
	setUp := func(s, c *side) {
		s.cfg.Authenticate = func(c *Conn, _ Credentials) error { asked <- c; return ErrDecideLater }
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		result := make(chan error, 1)
		go func() {
			_, err := w.connect(t.Context())
			result <- err
		}()
		sc := wait(t, "question", asked)
		sc.Untyped().SetState(Active)
		if sc.State() == Active {
			t.Error("SetState has let it in")
		}
		if err := Send(sc, w.s.pong, &note{}); !errors.Is(err, ErrNotActive) {
			t.Errorf("a send to it returns %v", err)
		}
		if err := sc.Decide(nil); err != nil {
			t.Error(err)
		}
		if err := wait(t, "Connect", result); err != nil {
			t.Error(err)
		}
	})
}

func TestMismatchesEndTheHandshake(t *testing.T) {
	for name, test := range map[string]struct {
		setUp        func(s, c *side)
		here, there  Reason
		serverAdapts bool
	}{
		"same policy":  {func(s, c *side) { *c = *newSide(false, 40, 41) }, ReasonSameAdaptivePolicy, ReasonSameAdaptivePolicy, false},
		"more packets": {func(s, c *side) { c.reg.AddObject("test:more", 50, nil) }, ReasonNonEqualPackets, ReasonNonEqualPackets, false},
		"less packets": {func(s, c *side) { s.reg.AddObject("test:more", 50, nil) }, ReasonNonEqualPackets, ReasonNonEqualPackets, false},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, test.setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if !errors.Is(err, test.here) {
					t.Errorf("Connect returned %v, want %v", err, test.here)
				}
				if e := w.c.next(t, "lost"); !errors.Is(e.reason, test.here) {
					t.Errorf("the client lost it because of %v", e.reason)
				}
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, test.there) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
			})
		})
	}
}

func TestTooManyNamesForTheWire(t *testing.T) {
	s := newSide(false, 17, 18)
	for i := range 2000 {
		name := "test:" + strings.Repeat("x", 50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		if _, err := s.reg.AddObject(name, 100+i, nil); err != nil {
			t.Fatal(err)
		}
	}
	w := listenWire(t, s)()
	w.expect(0)
	w.send(0, initMsg{version: 1}.append(nil))
	var se *SizeError
	if e := s.next(t, "lost"); !errors.As(e.reason, &se) {
		t.Errorf("lost because of %v", e.reason)
	}
}
