package peer

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// observe has an observer note what it is told under a name.
func observe(p *Peer, d *diary, name string) (stop func()) {
	return p.Observe(Observer{
		Made:     func(*Conn) { d.note(name + ":made") },
		Lost:     func(*Conn, error) { d.note(name + ":lost") },
		Pressure: func(*Conn, bool) { d.note(name + ":pressure") },
	})
}

// Observers are told in their order, and the program last, whatever carries the bytes.
func TestObserversAreToldBeforeTheProgram(t *testing.T) {
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			var d diary
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			made, lostTo := s.cfg.OnMade, s.cfg.OnLost
			s.cfg.OnMade = func(c *Conn) { d.note("program:made"); made(c) }
			s.cfg.OnLost = func(c *Conn, reason error) { d.note("program:lost"); lostTo(c, reason) }
			s.cfg.OnPressure = func(*Conn, bool) { d.note("program:pressure") }
			w := over(t, s, c)
			observe(w.server.Peer, &d, "a")
			stop := observe(w.server.Peer, &d, "gone")
			observe(w.server.Peer, &d, "b")
			stop()
			server, client := w.handshake(t)
			if got, want := d.tear(), "a:made b:made program:made"; got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			onLoop(t, server, func() { pokes["pressure"](server) })
			if got, want := d.tear(), "a:pressure b:pressure program:pressure"; got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			server.OnLost(func(reason error) {
				if !errors.Is(reason, ReasonGeneric) {
					t.Errorf("lost for %v", reason)
				}
				d.note("conn:lost")
			})
			if !server.OnLost(func(error) { d.note("taken back") })() {
				t.Error("a function could not be taken back in time")
			}
			client.Close()
			s.next(t, "lost")
			if got, want := d.tear(), "a:lost b:lost conn:lost program:lost"; got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			late := make(chan error, 1)
			stopLate := server.OnLost(func(reason error) { late <- reason })
			if reason := wait(t, "the reason", late); !errors.Is(reason, ReasonGeneric) {
				t.Errorf("a late function is told %v", reason)
			}
			if stopLate() {
				t.Error("a function was taken back after its call")
			}
		})
	}
}

// Whatever one of those who are told of a loss does, the others are told.
func TestEveryObserverIsToldOfALoss(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("ouch") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			var d diary
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			w := transports["tcp"](t, s, c)
			w.server.Observe(Observer{Lost: func(*Conn, error) { end() }})
			observe(w.server.Peer, &d, "b")
			server, client := w.handshake(t)
			d.tear()
			server.OnLost(func(error) { end() })
			server.OnLost(func(error) { d.note("conn") })
			client.Close()
			s.next(t, "lost")
			if got, want := d.tear(), "b:lost conn"; got != want {
				t.Errorf("told %q, want %q", got, want)
			}
			if _, err := w.connect(t.Context()); err != nil {
				t.Errorf("the next conn: %v", err)
			}
		})
	}
}

// A conn whose handshake fails is told to observers as to the program: as lost only.
func TestObserversHearOfAConnThatIsNeverMade(t *testing.T) {
	var d diary
	s, c := newSide(false, 17, 18), newSide(false, 40, 41) // both insist
	w := transports["tcp"](t, s, c)
	observe(w.server.Peer, &d, "a")
	if _, err := w.connect(context.Background()); !errors.Is(err, ReasonSameAdaptivePolicy) {
		t.Fatalf("connected: %v", err)
	}
	s.next(t, "lost")
	if got := d.tear(); got != "a:lost" {
		t.Errorf("told %q", got)
	}
}

// OnLost may be called while the conn is being lost, and its function is called once.
func TestOnLostBesideALoss(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := transports["tcp"](t, s, c)
	for range 50 {
		server, client := w.handshake(t)
		calls := make(chan error, 100)
		go client.Close()
		for range 20 {
			server.OnLost(func(reason error) { calls <- reason })
		}
		for range 20 {
			wait(t, "a call", calls)
		}
		s.next(t, "lost")
		c.next(t, "lost")
		nothing(t, "call", calls)
	}
}

// A function that comes after the loss is called though the reactor closes before its turn.
func TestOnLostBesideTheClose(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	w := transports["tcp"](t, s, c)
	_, client := w.handshake(t)
	client.Close()
	c.next(t, "lost")
	if err := w.client.Stop(); err != nil {
		t.Fatal(err)
	}
	calls := make(chan error, 2)
	client.OnLost(func(reason error) { calls <- reason })
	w.client.Close()
	wait(t, "a call", calls)
	nothing(t, "call", calls)
}

func TestObserveOfNoPeer(t *testing.T) {
	var none *Peer
	none.Observe(Observer{})()
	var c *Conn
	if c.OnLost(func(error) {})() {
		t.Error("a function of no conn was taken back")
	}
}
