package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

func TestHandlerFaultsStayTheirOwn(t *testing.T) {
	oops := errors.New("oops")
	for name, test := range map[string]struct {
		handle func() error
		here   func(error) bool
		there  Reason
	}{
		"error": {func() error { return oops },
			func(err error) bool { return errors.Is(err, oops) && errors.Is(err, ReasonHandler) }, ReasonHandler},
		"reason": {func() error { return Reason("reason.kicked") },
			func(err error) bool { return err == Reason("reason.kicked") }, "reason.kicked"},
		"panic": {func() error { panic(oops) },
			func(err error) bool {
				var p *engine.PanicError
				return errors.As(err, &p) && p.Value == any(oops)
			}, ReasonHandler},
		"drop": {func() error { return ErrDrop }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				ok := make(chan int, 10)
				Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
					if v.Text == "fail" {
						return test.handle()
					}
					ok <- v.N
					return nil
				})
				_, good := w.handshake(t)
				_, bad := w.handshake(t)
				Send(bad, w.c.ping, &note{1, "fail"})
				Send(bad, w.c.ping, &note{2, "after"})
				if test.here == nil {
					if n := wait(t, "packet after the dropped one", ok); n != 2 {
						t.Errorf("got packet %d", n)
					}
					return
				}
				if e := w.s.next(t, "lost"); !test.here(e.reason) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
				if e := w.c.next(t, "lost"); e.reason != test.there || e.conn != bad {
					t.Errorf("the client lost %v because of %v", e.conn, e.reason)
				}
				nothing(t, "packet after the fault", ok)
				Send(good, w.c.ping, &note{3, "fine"})
				if n := wait(t, "packet on the other conn", ok); n != 3 {
					t.Errorf("got packet %d", n)
				}
			})
		})
	}
}

func TestPanicInCallbacks(t *testing.T) {
	for _, in := range []string{"made", "lost"} {
		t.Run(in, func(t *testing.T) {
			setUp := func(s, c *side) {
				if in == "made" {
					s.cfg.OnMade = func(*Conn) { panic("in OnMade") }
					return
				}
				lost := s.cfg.OnLost
				s.cfg.OnLost = func(c *Conn, r error) { lost(c, r); panic("in OnLost") }
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if in == "lost" && err == nil {
					w.server.Untyped().Broadcast("test:ping", 1)
					for c := range w.client.Conns() {
						c.Softquit("reason.bye")
					}
				}
				for wait(t, "loss", w.s.events).what != "lost" {
				}
				// The server goes on.
				if c, err := w.connect(t.Context()); in == "lost" {
					if err != nil {
						t.Fatal(err)
					}
					if c.State() != Active {
						t.Error(c.State())
					}
				}
			})
		})
	}
}
