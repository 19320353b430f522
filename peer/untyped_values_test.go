package peer

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

type (
	// like has the shape of a note under another name, and more has one field more.
	like struct {
		Text string `msgpack:"text"`
		N    int64  `msgpack:"n"`
	}
	more struct {
		N     int    `msgpack:"n"`
		Extra string `msgpack:"extra"`
	}

	// wide has a field of each kind.
	wide struct {
		I8   int8           `msgpack:"i8"`
		U16  uint16         `msgpack:"u16"`
		F    float64        `msgpack:"f"`
		B    bool           `msgpack:"b"`
		Raw  []byte         `msgpack:"raw"`
		List []int          `msgpack:"list"`
		Map  map[string]int `msgpack:"map"`
		At   time.Time      `msgpack:"at"`
		In   note           `msgpack:"in"`
		Ptr  *note          `msgpack:"ptr,omitempty"`
	}
)

// A value of another type than the packet's stands for it if nothing is lost,
// and is the caller's error otherwise; the conn lives on.
func TestValuesOfAnotherType(t *testing.T) {
	exact := map[string]any{
		"value":             note{7, "text"},
		"pointer":           &note{7, "text"},
		"map":               map[string]any{"n": 7, "text": "text"},
		"map of bytes":      map[string]any{"n": 7, "text": []byte("text")},
		"another struct":    like{"text", 7},
		"pointer to it":     &like{"text", 7},
		"self-encoding":     &selfNote{},
		"map with any keys": map[any]any{"n": uint8(7), "text": "text"},
	}
	lossy := map[string]any{
		"text":             "text",
		"number":           7,
		"list":             []int{7},
		"map, other field": map[string]any{"n": 7, "text": "text", "more": 1},
		"map, other type":  map[string]any{"n": "7", "text": "text"},
		"float":            map[string]any{"n": 7.0, "text": "text"},
		"fraction":         map[string]any{"n": 7.5, "text": "text"},
		"struct with more": more{7, "more"},
		"func":             func() {},
		"bool":             true,
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		sc, cc := w.handshake(t)
		ways := map[string]func(v any) error{
			"Send":            func(v any) error { return cc.Untyped().Send("test:ping", v) },
			"Reply":           func(v any) error { return asked(t, cc, func() error { return cc.Untyped().Reply("test:ping", v) }) },
			"Broadcast":       func(v any) error { return w.client.Untyped().Broadcast("test:ping", v) },
			"Conn.PacketOut":  func(v any) error { return cc.PacketOut(w.c.ping.In(w.c.reg), v) },
			"RecvPacket":      func(v any) error { return sc.Untyped().RecvPacket("test:ping", v) },
			"Peer.RecvPacket": func(v any) error { return w.server.Untyped().RecvPacket(sc, "test:ping", v) },
			"Conn.PacketIn":   func(v any) error { return asked(t, sc, func() error { return sc.PacketIn(w.s.ping.In(w.s.reg), v) }) },
		}
		for way, send := range ways {
			for name, v := range exact {
				if err := send(v); err != nil {
					t.Errorf("%s, %s: %v", way, name, err)
					continue
				}
				if got := wait(t, name, pings); got != (note{7, "text"}) {
					t.Errorf("%s, %s: got %+v", way, name, got)
				}
			}
			for name, v := range lossy {
				err := send(v)
				if ve, ok := errors.AsType[*ValueError](err); !ok || ve.Packet != "test:ping" || ve.Error() == "" {
					t.Errorf("%s, %s: error %v", way, name, err)
				}
			}
			for _, v := range []any{nil, (*note)(nil), map[string]any{}} {
				if err := send(v); err != nil {
					t.Errorf("%s, %v: %v", way, v, err)
					continue
				}
				if got := wait(t, "zero", pings); got != (note{}) {
					t.Errorf("%s, %v: got %+v", way, v, got)
				}
			}
		}
		nothing(t, "packet", pings)
		nothing(t, "loss on the server", w.s.events)
		nothing(t, "loss on the client", w.c.events)
	})
}

// asked is what f returns on a conn's loop.
func asked(t *testing.T, c *Conn, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	c.Loop().Post(func() { done <- f() })
	return wait(t, "post", done)
}

// selfNote encodes itself as the note 7, "text".
type selfNote struct{}

func (*selfNote) MarshalMsg(b []byte) ([]byte, error) {
	return append(b, 0x82, 0xa1, 'n', 7, 0xa4, 't', 'e', 'x', 't', 0xa4, 't', 'e', 'x', 't'), nil
}
func (*selfNote) UnmarshalMsg(b []byte) ([]byte, error) { return nil, nil }

// What hooks make of a typed packet may be a value, too.
func TestHooksMayReturnValues(t *testing.T) {
	setUp := func(s, c *side) {
		s.cfg.PacketIn = func(_ *Conn, _ *registry.Type, v any) (any, error) {
			if v.(*note).N == 1 {
				return note{10, "value"}, nil
			}
			return map[string]any{"n": 20, "text": "map"}, nil
		}
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		pings := inbox(t, w.server, w.s.ping, 1)
		_, cc := w.handshake(t)
		for n, want := range map[int]note{1: {10, "value"}, 2: {20, "map"}} {
			if err := Send(cc, w.c.ping, &note{n, ""}); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, "packet", pings); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

// Every kind of field keeps its value or refuses it.
func TestExactness(t *testing.T) {
	reg := registry.New()
	pkt := registry.MustAdd[wide](reg, "test:wide", 20)
	numbers := registry.MustAdd[map[string]uint8](reg, "test:numbers", 21)
	texts := registry.MustAdd[string](reg, "test:text", 22)
	floats := registry.MustAdd[float64](reg, "test:float", 23)
	anything := registry.MustAdd[any](reg, "test:any", 24)
	p := NewServer(reg, nil)
	defer p.Close()
	when := time.Unix(1<<31, 5).UTC()
	for _, tt := range []struct {
		t  *registry.Type
		v  any
		ok bool
	}{
		{pkt.In(reg), map[string]any{"i8": -128, "u16": 65535, "f": 1.5, "b": true, "raw": []byte{1}, "list": []any{1, 2}, "map": map[string]any{"a": 1}, "at": when}, true},
		{pkt.In(reg), map[string]any{"i8": 128}, false},
		{pkt.In(reg), map[string]any{"i8": -129}, false},
		{pkt.In(reg), map[string]any{"u16": 65537}, false},
		{pkt.In(reg), map[string]any{"u16": -1}, false},
		{pkt.In(reg), map[string]any{"f": 3}, true},
		{pkt.In(reg), map[string]any{"f": uint64(1<<63 + 1)}, false},
		{pkt.In(reg), map[string]any{"f": int64(1<<53 + 1)}, false},
		{pkt.In(reg), map[string]any{"f": math.NaN()}, true},
		{pkt.In(reg), map[string]any{"b": 1}, false},
		{pkt.In(reg), map[string]any{"raw": "text"}, true},
		{pkt.In(reg), map[string]any{"list": []any{1, "2"}}, false},
		{pkt.In(reg), map[string]any{"list": []any{}}, true},
		{pkt.In(reg), map[string]any{"map": map[string]any{"a": 1.5}}, false},
		{pkt.In(reg), map[string]any{"in": map[string]any{"n": 1}}, true},
		{pkt.In(reg), map[string]any{"in": map[string]any{"n": 1, "m": 2}}, false},
		{pkt.In(reg), map[string]any{"in": []any{1, "text"}}, false},
		{pkt.In(reg), map[string]any{"ptr": map[string]any{"n": 1}}, true},
		{pkt.In(reg), map[string]any{"ptr": nil}, true},
		{pkt.In(reg), map[int]any{1: 2}, false},
		{numbers.In(reg), map[string]any{"a": 255}, true},
		{numbers.In(reg), map[string]int{"a": 256}, false},
		{numbers.In(reg), map[int]int{1: 2}, false},
		{texts.In(reg), []byte("text"), true},
		{texts.In(reg), []byte{0xff}, false},
		{texts.In(reg), 1, false},
		{floats.In(reg), float32(0.1), true},
		{floats.In(reg), 1, true},
		{floats.In(reg), "1", false},
		{anything.In(reg), map[string]any{"a": 1}, true},
		{anything.In(reg), nil, true},
	} {
		payload, err := p.marshal(nil, tt.t, tt.v)
		if (err == nil) != tt.ok {
			t.Errorf("%s, %v: error %v, want ok %v", tt.t.Name(), tt.v, err, tt.ok)
		}
		if err != nil {
			continue
		}
		if err := new(codec.Msgpack).Decode(payload, tt.t.New()); err != nil {
			t.Errorf("%s, %v: what it became cannot be decoded: %v", tt.t.Name(), tt.v, err)
		}
	}
}
