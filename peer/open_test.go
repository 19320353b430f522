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

// Two sides whose OnOpen makes conns active need no handshake, like those that
// skip it.
func TestOnOpenInPlaceOfAHandshake(t *testing.T) {
	setUp := func(s, c *side) {
		c.reg = registry.New(true)
		c.ping = registry.MustAdd[note](c.reg, "test:ping", 17) // as nobody adapts
		s.cfg.OnOpen = func(c *Conn) { c.SetState(Active) }
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
	server := NewServer(registry.New(false), nil)
	defer server.Close()
	if server.Data() != nil {
		t.Errorf("data %v", server.Data())
	}
	server.SetData("a game")
	if server.Data() != "a game" {
		t.Errorf("data %v", server.Data())
	}
}
