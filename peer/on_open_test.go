package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// OnOpen is the first that a program hears of a conn.
func TestOnOpen(t *testing.T) {
	setUp := func(s, c *side) {
		for _, side := range []*side{s, c} {
			side.cfg.OnOpen = func(c *Conn) {
				if c.State() != ConnMade {
					t.Errorf("opened in state %v", c.State())
				}
				c.SetData("opened")
			}
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		if sc.Data() != "opened" || cc.Data() != "opened" {
			t.Errorf("data %v and %v", sc.Data(), cc.Data())
		}
	})
}

// A conn that OnOpen ends is told to OnLost, once, and never made.
func TestOnOpenEndsAConn(t *testing.T) {
	refused := errors.New("refused")
	for name, end := range map[string]func(*Conn){
		"abort":    func(c *Conn) { c.Abort(refused) },
		"softquit": func(c *Conn) { c.Softquit("reason.refused") },
		"panic":    func(*Conn) { panic("refused") },
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) { s.cfg.OnOpen = end }
			everywhere(t, setUp, func(t *testing.T, w *world) {
				if _, err := w.connect(t.Context()); err == nil {
					t.Error("it is connected")
				}
				w.s.next(t, "lost")
				w.c.next(t, "lost")
				nothing(t, "event", w.s.events)
			})
		})
	}
}

// Nor is it made where no handshake is in the way.
func TestOnOpenEndsAConnWithoutAHandshake(t *testing.T) {
	for name, end := range map[string]func(*Conn){
		"abort":    func(c *Conn) { c.Abort(errBroken) },
		"softquit": func(c *Conn) { c.Softquit("reason.refused") },
		"active and softquit": func(c *Conn) {
			c.SkipHandshake()
			c.Softquit("reason.refused")
		},
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) {
				s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true
				s.cfg.OnOpen = end
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				w.connect(t.Context()) // it may be made before it hears of the end
				w.s.next(t, "lost")
				nothing(t, "event", w.s.events)
			})
		})
	}
}

// A conn that OnOpen has made active is let in by Authenticate like any: until then
// nothing is sent, and nothing is handled.
func TestOnOpenDoesNotPassAuthenticate(t *testing.T) {
	var undecided <-chan *Conn
	setUp := func(s, c *side) {
		undecided = deciding(s)
		s.cfg.OnOpen = func(c *Conn) { c.SkipHandshake() }
		c.cfg.OnOpen = s.cfg.OnOpen
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		connected := connecting(t, w)
		sc := wait(t, "question", undecided)
		sent := asked(t, sc, func() error { return Send(sc, w.s.pong, &note{}) }) // after Authenticate
		if !errors.Is(sent, ErrNotActive) {
			t.Errorf("a send to a conn that was not let in: %v", sent)
		}
		nothing(t, "event", w.s.events)
		if err := sc.Decide(nil); err != nil {
			t.Fatal(err)
		}
		w.s.next(t, "made")
		if err := Send(sc, w.s.pong, &note{}); err != nil {
			t.Error(err)
		}
		wait(t, "Connect", connected)
	})
}

// Two sides whose OnOpen makes conns active need no handshake, like those that
// skip it.
func TestOnOpenInPlaceOfAHandshake(t *testing.T) {
	setUp := func(s, c *side) {
		c.reg = registry.NewAdapting()
		c.ping = registry.MustAdd[note](c.reg, "test:ping", 17) // as nobody adapts
		s.cfg.OnOpen = func(c *Conn) { c.SkipHandshake() }
		c.cfg.OnOpen = s.cfg.OnOpen
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		_, cc := w.handshake(t)
		if err := Send(cc, w.c.ping, &note{1, ""}); err != nil {
			t.Fatal(err)
		}
		wait(t, "packet", pings)
	})
}

func TestPeerData(t *testing.T) {
	server := NewServer(registry.New(), nil)
	defer server.Close()
	if server.Data() != nil {
		t.Errorf("data %v", server.Data())
	}
	server.SetData("a game")
	if server.Data() != "a game" {
		t.Errorf("data %v", server.Data())
	}
}

// Only OnOpen has a conn do without a handshake.
func TestSkipHandshakeIsForOnOpen(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		if err := sc.SkipHandshake(); !errors.Is(err, ErrHandshake) {
			t.Errorf("SkipHandshake after the handshake: %v", err)
		}
		if sc.State() != Active {
			t.Errorf("the conn is in state %v", sc.State())
		}
	})
	if err := (*Conn)(nil).SkipHandshake(); !errors.Is(err, ErrNoConn) {
		t.Errorf("SkipHandshake of no conn: %v", err)
	}
}
