package peer

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// A hook that overrides a step can call what comes after it, as often as it
// likes, and go on when that is done.
func TestHooksCallTheirBase(t *testing.T) {
	steps := make(chan string, 20)
	setUp := func(s, c *side) {
		s.cfg.PacketIn = func(conn *Conn, typ *registry.Type, v any) (any, error) {
			steps <- "before"
			for n := range 2 {
				if err := conn.PacketIn(typ, note{n, v.(*note).Text}); err != nil {
					t.Error(err)
				}
			}
			steps <- "after"
			return nil, ErrDrop
		}
		s.cfg.EncodedIn = func(conn *Conn, raw []byte) ([]byte, error) {
			steps <- "encoded in"
			if err := conn.EncodedIn(raw); err != nil {
				t.Error(err)
			}
			steps <- "encoded in, after"
			return nil, ErrDrop
		}
		c.cfg.PacketOut = func(conn *Conn, typ *registry.Type, v any) (any, error) {
			if err := conn.PacketOut(typ, note{0, v.(*note).Text + "!"}); err != nil {
				t.Error(err)
			}
			return nil, ErrDrop
		}
		c.cfg.EncodedOut = func(conn *Conn, raw []byte) ([]byte, error) {
			if err := conn.EncodedOut(raw); err != nil {
				t.Error(err)
			}
			return nil, ErrDrop
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		Handle(w.server, w.s.ping, func(_ *Conn, v *note) error {
			steps <- "handled " + v.Text
			return nil
		})
		_, cc := w.handshake(t)
		if err := Send(cc, w.c.ping, &note{9, "text"}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"encoded in", "before", "handled text!", "handled text!", "after", "encoded in, after"} {
			if got := wait(t, want, steps); got != want {
				t.Fatalf("step %q, want %q", got, want)
			}
		}
	})
}

// The base tells what is wrong, like the send or the handler that it is.
func TestBaseErrors(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		refused := errors.New("refused")
		Handle(w.server, w.s.ping, func(*Conn, *note) error { return refused })
		HandleRaw(w.server, w.s.pong, func(*Conn, []byte) error { return nil })
		sc, _ := w.handshake(t)
		ping, pong := w.s.ping.In(w.s.reg), w.s.pong.In(w.s.reg)
		for name, f := range map[string]func() error{
			"handler's error":        func() error { return is(sc.PacketIn(ping, &note{}), refused) },
			"another registry's":     func() error { return as[*registry.UnknownError](sc.PacketIn(w.c.ping.In(w.c.reg), &note{})) },
			"no packet":              func() error { return as[*registry.UnknownError](sc.PacketIn(nil, &note{})) },
			"no packet, out":         func() error { return is(sc.PacketOut(nil, &note{}), ErrNoPacket) },
			"another registry's out": func() error { return is(sc.PacketOut(w.c.ping.In(w.c.reg), &note{}), ErrNoPacket) },
			"value":                  func() error { return as[*ValueError](sc.PacketIn(ping, "text")) },
			"value, out":             func() error { return as[*ValueError](sc.PacketOut(ping, "text")) },
			"short":                  func() error { return is(sc.EncodedIn([]byte{1}), codec.ErrShortFrame) },
			"short, out":             func() error { return is(sc.EncodedOut([]byte{1}), codec.ErrShortFrame) },
			"too large":              func() error { return as[*SizeError](sc.EncodedOut(make([]byte, DefaultMaxFrame+1))) },
			"raw handler": func() error {
				if sc.PacketIn(pong, &note{}) == nil {
					return errors.New("no error")
				}
				return nil
			},
		} {
			if err := asked(t, sc, f); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		asked(t, sc, func() error { sc.Softquit(""); return nil })
		w.s.next(t, "lost")
		for name, f := range map[string]func() error{
			"PacketIn":  func() error { return sc.PacketIn(ping, &note{}) },
			"EncodedIn": func() error { return sc.EncodedIn([]byte{0, 17, 0xc0}) },
		} {
			if err := asked(t, sc, f); !errors.Is(err, ErrNotActive) {
				t.Errorf("%s after the end = %v", name, err)
			}
		}
		var none *Conn
		for name, err := range map[string]error{
			"PacketIn": none.PacketIn(ping, 1), "EncodedIn": none.EncodedIn(nil), "PacketOut": none.PacketOut(ping, 1), "EncodedOut": none.EncodedOut(nil),
		} {
			if !errors.Is(err, ErrNoConn) {
				t.Errorf("%s of no conn = %v", name, err)
			}
		}
	})
}

// is and as say what is wrong with an error, if anything.
func is(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return errors.Join(errors.New("another error"), err)
}

func as[E error](err error) error {
	if _, ok := errors.AsType[E](err); ok {
		return nil
	}
	return errors.Join(errors.New("another error"), err)
}

// Internal packets of a program pass the hooks of both ways, and those of the
// handshake none.
func TestHooksSeeInternalPacketsOfTheProgram(t *testing.T) {
	seen := make(chan string, 20)
	setUp := func(s, c *side) {
		s.reg.AddInternal("packetmq:mine", 5, nil)
		c.reg.AddInternal("packetmq:mine", 7, nil)
		c.cfg.PacketOut = func(_ *Conn, typ *registry.Type, v any) (any, error) { seen <- "out " + typ.Name(); return v, nil }
		c.cfg.EncodedOut = func(_ *Conn, raw []byte) ([]byte, error) { seen <- "encoded out"; return raw, nil }
		s.cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) { seen <- "encoded in"; return raw, nil }
		s.cfg.PacketIn = func(_ *Conn, typ *registry.Type, v any) (any, error) { seen <- "in " + typ.Name(); return v, nil }
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		if err := cc.Untyped().Send("packetmq:mine", 1); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"out packetmq:mine", "encoded out", "encoded in", "in packetmq:mine"} {
			if got := wait(t, want, seen); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		cc.Softquit("")
		w.s.next(t, "lost")
		w.c.next(t, "lost")
		nothing(t, "packet", seen)
	})
}
