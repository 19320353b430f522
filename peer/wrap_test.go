package peer

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
)

func TestWrap(t *testing.T) {
	setUp := func(s, c *side) {
		c.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport { return &flipper{Transport: inner} }
		s.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport { return &flipper{Transport: inner} }
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		_, cc := w.handshake(t)
		Send(cc, w.c.ping, &note{1, "secret"})
		if got := wait(t, "packet", pings); got.Text != "secret" {
			t.Errorf("got %q", got.Text)
		}
	})
}

// flipper is a transport that inverts every byte on its way.
type flipper struct {
	engine.Transport
	sink engine.Sink
}

func (f *flipper) Open(s engine.Sink) { f.sink = s; f.Transport.Open(f) }

func (f *flipper) Write(b *engine.Buffer) error {
	flip(b.B)
	return f.Transport.Write(b)
}

func (f *flipper) Received(b []byte) int {
	own := append([]byte(nil), b...)
	flip(own)
	return f.sink.Received(own)
}
func (f *flipper) Ended(err error)      { f.sink.Ended(err) }
func (f *flipper) Wake(on *engine.Loop) { f.sink.Wake(on) }
func (f *flipper) Loop() *engine.Loop   { return f.sink.Loop() }

func flip(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// burst is a transport that breaks when it is written to.
type burst struct{ engine.Transport }

func (b *burst) Write(out *engine.Buffer) error {
	b.Transport.Write(out)
	panic("in a transport")
}

func TestWrapThatFails(t *testing.T) {
	for name, wrap := range map[string]func(*Conn, engine.Transport) engine.Transport{
		"nil":   func(*Conn, engine.Transport) engine.Transport { return nil },
		"panic": func(*Conn, engine.Transport) engine.Transport { panic("in Wrap") },
		"panic on the way": func(_ *Conn, inner engine.Transport) engine.Transport {
			return &burst{inner}
		},
	} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) { s.cfg.Wrap = wrap }
			everywhere(t, setUp, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if (err == nil) != (name == "nil") {
					t.Errorf("Connect: %v", err)
				}
			})
		})
	}
}
