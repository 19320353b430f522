package peer

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

func TestHooksSeeAndReplaceEachStep(t *testing.T) {
	setUp := func(s, c *side) {
		c.cfg.PacketOut = func(_ *Conn, _ *registry.Type, v any) (any, error) {
			n := *v.(*note)
			if n.Text == "drop out" {
				return nil, ErrDrop
			}
			n.Text += ">packet out"
			return n, nil
		}
		c.cfg.EncodedOut = func(_ *Conn, raw []byte) ([]byte, error) {
			return []byte(strings.Replace(string(raw), "packet out", "PACKET OUT", 1)), nil
		}
		s.cfg.EncodedIn = func(_ *Conn, raw []byte) ([]byte, error) {
			return []byte(strings.Replace(string(raw), "first", "FIRST", 1)), nil
		}
		s.cfg.PacketIn = func(_ *Conn, typ *registry.Type, v any) (any, error) {
			n := *v.(*note)
			if n.Text == "FIRST>PACKET OUT" {
				n.Text += ">" + typ.Name()
			}
			if strings.HasPrefix(n.Text, "drop in") {
				return nil, ErrDrop
			}
			return &n, nil
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 10)
		_, cc := w.handshake(t)
		for _, text := range []string{"drop in", "drop out", "first"} {
			if err := Send(cc, w.c.ping, &note{0, text}); err != nil {
				t.Fatal(err)
			}
		}
		if got := wait(t, "packet", pings); got.Text != "FIRST>PACKET OUT>test:ping" {
			t.Errorf("got %q", got.Text)
		}
	})
}

// tracer has every hook, and says so in the value.
type tracer struct{ received chan string }

func (h tracer) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	if v == "refuse" {
		return nil, nil, errors.New("refused")
	}
	return to, v.(string) + ">send", nil
}
func (h tracer) OnEncode(to registry.Conn, v any) (any, error)   { return v.(string) + ">encode", nil }
func (h tracer) OnDecode(from registry.Conn, v any) (any, error) { return v.(string) + ">decode", nil }
func (h tracer) OnReceive(from registry.Conn, v any) error {
	h.received <- v.(string)
	return nil
}

func TestObjectHooks(t *testing.T) {
	var received chan string
	setUp := func(s, c *side) {
		received = make(chan string, 1)
		s.reg.AddObject("test:traced", 20, tracer{received})
		c.reg.AddObject("test:traced", 43, tracer{received})
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		if err := cc.Untyped().Send("test:traced", "refuse"); err == nil {
			t.Error("a hook's refusal was not returned")
		}
		if err := cc.Untyped().Send("test:traced", "v"); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "packet", received); got != "v>send>encode>decode" {
			t.Errorf("got %q", got)
		}
	})
}

// redirector sends everything to another conn.
type redirector struct{ to *Conn }

func (h *redirector) OnSend(registry.Conn, any) (registry.Conn, any, error) {
	return h.to, "redirected", nil
}

func TestOnSendRedirects(t *testing.T) {
	h := new(redirector)
	setUp := func(s, c *side) {
		s.reg.AddObject("test:hop", 20, h)
		c.reg.AddObject("test:hop", 43, nil)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		got := make(chan uint64, 2)
		w.client.Untyped().Handle("test:hop", func(c *Conn, v any) error { got <- c.ID(); return nil })
		first, _ := w.handshake(t)
		second, cc := w.handshake(t)
		h.to = second
		if err := first.Untyped().Send("test:hop", "v"); err != nil {
			t.Fatal(err)
		}
		if id := wait(t, "packet", got); id != cc.ID() {
			t.Errorf("it came on conn %d, want %d", id, cc.ID())
		}
	})
}

// Hooks that transform all bytes see all packets of the program, and none of
// the handshake.
func TestBytesTransformedByHooks(t *testing.T) {
	flipped := func(_ *Conn, raw []byte) ([]byte, error) {
		out := append([]byte(nil), raw...)
		flip(out[codec.IDSize:])
		return out, nil
	}
	setUp := func(s, c *side) {
		s.cfg.EncodedIn, s.cfg.EncodedOut = flipped, flipped
		c.cfg.EncodedIn, c.cfg.EncodedOut = flipped, flipped
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
