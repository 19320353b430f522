package peer

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// A packet inside that of a feature comes to its handler like any, if the extension says so, in
// order with those that come by themselves.
func TestInside(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		notes := make(chan told, 10)
		inside := extension(testFeature, "", notes)
		inside.Inside = func(c *Conn, size int) error { return nil }
		for _, p := range []*Peer{w.server.Peer, w.client} {
			if err := p.Extend(inside); err != nil {
				t.Fatal(err)
			}
		}
		sc, cc := w.handshake(t)
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { notes <- told{c, "ping", v.Text}; return nil })
		typ := w.c.ping.In(w.client.Registry())
		_, payload, err := AppendPayload(w.client, []byte("before"), w.c.ping, &note{Text: "inside"})
		if err != nil || !bytes.HasPrefix(payload, []byte("before")) {
			t.Fatalf("%q, %v", payload, err)
		}
		for range 2 {
			if err := cc.SendInside(testFeature, typ, payload[len("before"):]); err != nil {
				t.Fatal(err)
			}
			Send(cc, w.c.ping, &note{Text: "alone"})
		}
		for _, want := range []string{"offered", "offered", "inside", "alone", "inside", "alone"} {
			got := wait(t, "packet", notes)
			if want != "offered" && got != (told{sc, "ping", want}) {
				t.Errorf("got %+v, want %s", got, want)
			}
		}
		in, out := countOf(t, w.server.Peer, w.s.ping.Name()).In, countOf(t, w.client, w.c.ping.Name()).Out
		if in.Packets != 4 || in != out {
			t.Errorf("counted are %+v in, %+v out", in, out)
		}
		if err := cc.SendInside(testFeature+1, typ, nil); !errors.Is(err, ErrNotOnWire) {
			t.Errorf("of a feature that is not in force: %v", err)
		}
		var size *SizeError
		if err := cc.SendInside(testFeature, typ, make([]byte, DefaultMaxFrame-3)); !errors.As(err, &size) {
			t.Errorf("a payload that fits only by itself: %v", err)
		}
	})
}

// The extension decides about each packet inside before it is handled, on both ways in.
func TestExtensionDecidesWhatIsInside(t *testing.T) {
	refused := errors.New("refused")
	verdicts := map[int]error{20: ErrDrop, 30: refused} // by sizes
	for name, log := range map[string]int{"fast": 0, "observed": 10} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(s, _ *side) { s.cfg.PacketLog = log }, func(t *testing.T, w *world) {
				asked, handled, lost := make(chan int, 10), make(chan int, 10), make(chan error, 1)
				x := Extension{Feature: testFeature, Inside: func(_ *Conn, size int) error {
					asked <- size
					return verdicts[size]
				}}
				w.server.Extend(x)
				w.client.Extend(x)
				sc, cc := w.handshake(t)
				sc.OnLost(func(reason error) { lost <- reason })
				HandleRaw(w.server, w.s.ping, func(_ *Conn, payload []byte) error { handled <- len(payload); return nil })
				for _, size := range []int{10, 20, 11, 30, 12} {
					cc.SendInside(testFeature, w.c.ping.In(w.client.Registry()), make([]byte, size))
				}
				if reason := wait(t, "loss", lost); !errors.Is(reason, refused) {
					t.Errorf("lost with %v", reason)
				}
				close(asked)
				close(handled)
				if a, h := fmt.Sprint(all(asked)), fmt.Sprint(all(handled)); a != "[10 20 11 30]" || h != "[10 11]" {
					t.Errorf("asked about %v, handled %v", a, h)
				}
			})
		})
	}
}

// all is what a closed channel has.
func all(ch <-chan int) (list []int) {
	for n := range ch {
		list = append(list, n)
	}
	return list
}

// What is inside a packet may not be internal.
func TestInternalInside(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		lost := make(chan error, 1)
		x := extension(testFeature, "", make(chan told, 10))
		x.Packet = nil
		x.Inside = func(c *Conn, size int) error { return nil }
		w.server.Extend(x)
		w.client.Extend(x)
		sc, cc := w.handshake(t)
		sc.OnLost(func(reason error) { lost <- reason })
		cc.SendExtension(testFeature, []byte{0, byte(registry.IDSoftquit)})
		if reason := wait(t, "loss", lost); !errors.Is(reason, ReasonProtocol) {
			t.Errorf("lost with %v", reason)
		}
	})
}

// A client's conns keep the label of their Connect.
func TestLabel(t *testing.T) {
	server := NewMemoryServer(newSide(false, 17, 18).reg, nil)
	made := make(chan *Conn, 10)
	client := NewMemoryClient(newSide(true, 17, 18).reg, &Config{
		Reactor: server.Reactor(), Reconnect: &Backoff{Min: 1},
		Events: Events{OnMade: func(c *Conn) { made <- c }},
	})
	defer server.Close()
	defer client.Close()
	server.RunAsync()
	if _, err := client.Connect(t.Context(), server, WithLabel("mine")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if c := wait(t, "conn", made); c.Label() != "mine" {
			t.Errorf("the label is %v", c.Label())
		}
		for c := range server.Conns() {
			c.Abort(nil)
		}
	}
	if l := (*Conn)(nil).Label(); l != nil {
		t.Errorf("no conn has the label %v", l)
	}
	if server.Lifetime().Err() != nil {
		t.Error("the server's life is over")
	}
	client.Close()
	if client.Lifetime().Err() == nil || (*Peer)(nil).Lifetime().Err() == nil {
		t.Error("the lifetime goes on")
	}
}

// countOf is the peer's count of a packet type.
func countOf(t *testing.T, p *Peer, name string) PacketCount {
	t.Helper()
	list, err := p.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if n.Packet != nil && n.Packet.Name() == name {
			return n
		}
	}
	return PacketCount{}
}
