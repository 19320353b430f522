//go:build unix

package peer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// The lengths of texts that are copied, and that are shared.
const shortText, longText = 10, 90_000

// mustEncode is Encode where that cannot fail.
func mustEncode(t *testing.T, h Host, pkt registry.Packet[note], v *note) *Encoded {
	t.Helper()
	e, err := Encode(h, pkt, v)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What each goroutine sends on a conn arrives in the order of its calls, whether it was
// encoded for all conns, for one, or is a reply.
func TestEncodedKeepsOrder(t *testing.T) {
	const conns, senders, packets = 2, 3, 30
	type arrival struct {
		conn   *Conn
		sender string
		n      int
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan arrival, conns*(senders+1)*packets)
		Handle(w.client, w.c.pong, func(c *Conn, v *note) error {
			sender, _, _ := strings.Cut(v.Text, " ")
			got <- arrival{c, sender, v.N}
			return nil
		})
		var served []*Conn
		for range conns {
			sc, _ := w.handshake(t)
			served = append(served, sc)
		}
		text := func(sender any, n int) string {
			return fmt.Sprint(sender, " ", strings.Repeat("x", []int{shortText, longText}[n%2]))
		}
		var all sync.WaitGroup
		for s := range senders {
			all.Go(func() {
				for n := range packets {
					v := &note{n, text(s, n)}
					e, err := Encode(w.server, w.s.pong, v)
					if err != nil {
						t.Error(err)
						return
					}
					for _, c := range served {
						send := e.SendTo
						if n%5 == 4 {
							send = func(c *Conn) error { return Send(c, w.s.pong, v) }
						}
						if err := send(c); err != nil {
							t.Error(err)
						}
					}
					e.Release()
				}
			})
		}
		for _, c := range served {
			all.Go(func() {
				for n := range packets {
					onLoop(t, c, func() {
						v := &note{n, text("loop", n)}
						if n%3 == 0 {
							e := mustEncode(t, w.server, w.s.pong, v)
							defer e.Release()
							if err := e.SendTo(c); err != nil {
								t.Error(err)
							}
						} else if err := Reply(c, w.s.pong, v); err != nil {
							t.Error(err)
						}
					})
				}
			})
		}
		all.Wait()
		next := map[arrival]int{}
		for range cap(got) {
			a := wait(t, "packet", got)
			n := a.n
			a.n = 0
			if next[a] != n {
				t.Fatalf("packet %d of sender %s came, and %d was next", n, a.sender, next[a])
			}
			next[a]++
		}
	})
}

// The packet log has what was sent encoded.
func TestPacketLogHasEncodedPackets(t *testing.T) {
	everywhere(t, func(s, c *side) { s.cfg.PacketLog = 3 }, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		for _, size := range []int{shortText, longText} {
			w.server.ClearPacketLog()
			e := mustEncode(t, w.server, w.s.pong, &note{1, strings.Repeat("x", size)})
			if err := e.SendTo(sc); err != nil {
				t.Fatal(err)
			}
			e.Release()
			if log := w.server.PacketLog(); len(log) != 1 || log[0].Packet != "test:pong" || log[0].Size < size {
				t.Errorf("the log has %d packets of a text of %d bytes", len(log), size)
			}
		}
	})
}

// Hooks see an encoded packet on each conn as they see any other.
func TestEncodedPassesHooks(t *testing.T) {
	hooks := map[string]func(s *side, seen chan<- string){
		"PacketOut": func(s *side, seen chan<- string) {
			s.cfg.PacketOut = func(_ *Conn, _ *registry.Type, v any) (any, error) {
				seen <- v.(*note).Text[:3]
				return &note{2, "changed"}, nil
			}
		},
		"EncodedOut": func(s *side, seen chan<- string) {
			s.cfg.EncodedOut = func(c *Conn, raw []byte) ([]byte, error) {
				seen <- strings.Trim(string(raw[len(raw)-3:]), "\x00")
				return []byte(strings.Replace(string(raw), "the", "THE", 1)), nil
			}
		},
		"object's hooks": func(*side, chan<- string) {},
	}
	for name, set := range hooks {
		for _, size := range []int{shortText, longText} {
			t.Run(fmt.Sprint(name, ", ", size), func(t *testing.T) {
				s, c := newSide(false, 17, 18), newSide(true, 40, 41)
				seen := make(chan string, 10)
				set(s, seen)
				s.reg.AddObject("test:seen", 50, seer{seen})
				c.reg.AddObject("test:seen", 60, seer{seen})
				w := overSocket(func(*testing.T) string { return "127.0.0.1:0" })(t, s, c)
				arrived := make(chan any, 10)
				Handle(w.client, c.pong, func(_ *Conn, v *note) error { arrived <- v.Text[:3]; return nil })
				sc, _ := w.handshake(t)
				text := "the" + strings.Repeat("x", size) + "end"
				send := func(c *Conn) error { return Send(c, s.pong, &note{1, text}) }
				encode := func() (*Encoded, error) { return Encode(w.server, s.pong, &note{1, text}) }
				if name == "object's hooks" {
					send = func(c *Conn) error { return c.Untyped().Send("test:seen", text) }
					w.client.Untyped().Handle("test:seen", func(_ *Conn, v any) error { arrived <- v.(string)[:3]; return nil })
					encode = func() (*Encoded, error) { return w.server.Untyped().Encode("test:seen", text) }
				}
				e, err := encode()
				if err != nil {
					t.Fatal(err)
				}
				defer e.Release()
				for i := range 2 {
					if err := send(sc); err != nil {
						t.Fatal(err)
					}
					hooked, came := wait(t, "hook", seen), wait(t, "packet", arrived)
					if err := e.SendTo(sc); err != nil {
						t.Fatal(err)
					}
					if got := wait(t, "hook of the encoded packet", seen); got != hooked {
						t.Errorf("the hook saw %q, and %q of a Send", got, hooked)
					}
					if got := wait(t, "encoded packet", arrived); got != came {
						t.Errorf("%v: %q arrived, and %q of a Send", i, got, came)
					}
				}
			})
		}
	}
}

// seer is an object with a hook that sees what is sent.
type seer struct{ seen chan<- string }

func (h seer) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	h.seen <- v.(string)[:3]
	return to, "new" + v.(string), nil
}

// Each conn gets the packet under the id that it has there.
func TestEncodedHasTheIDOfEachConn(t *testing.T) {
	for _, size := range []int{shortText, longText} {
		c := newSide(true, 40, 41)
		client := NewClient(c.reg, &c.cfg)
		run(t, client.Peer)
		var pings []<-chan note
		for _, id := range []int{17, 30} {
			s := newSide(false, id, id+1)
			server := NewServer(s.reg, &s.cfg)
			pings = append(pings, inbox(t, server, s.ping, 1))
			if _, err := client.Connect(t.Context(), open(t, server).Addr().String()); err != nil {
				t.Fatal(err)
			}
			c.next(t, "made")
		}
		e := mustEncode(t, client, c.ping, &note{1, strings.Repeat("x", size)})
		for conn := range client.Conns() {
			if err := e.SendTo(conn); err != nil {
				t.Fatal(err)
			}
		}
		e.Release()
		for _, ch := range pings {
			if v := wait(t, "packet", ch); len(v.Text) != size {
				t.Errorf("a text of %d bytes came, want %d", len(v.Text), size)
			}
		}
	}
}

// A payload that is encoded already goes out as it is, whatever becomes of the caller's.
func TestEncodeRaw(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan []byte, 10)
		HandleRaw(w.client, w.c.pong, func(_ *Conn, payload []byte) error {
			got <- bytes.Clone(payload)
			return nil
		})
		sc, _ := w.handshake(t)
		for _, size := range []int{0, shortText, longText} {
			payload := bytes.Repeat([]byte{0xc0}, size)
			e, err := w.server.EncodeRaw(w.s.pong.In(w.s.reg), payload)
			if err != nil {
				t.Fatal(err)
			}
			clear(payload)
			for range 2 {
				if err := e.SendTo(sc); err != nil {
					t.Fatal(err)
				}
			}
			e.Release()
			for range 2 {
				if b := wait(t, "packet", got); !bytes.Equal(b, bytes.Repeat([]byte{0xc0}, size)) {
					t.Errorf("%d bytes came, which are not the %d that were encoded", len(b), size)
				}
			}
		}
		if _, err := w.server.EncodeRaw(nil, nil); err != ErrNoPacket {
			t.Errorf("EncodeRaw of no packet: %v", err)
		}
		if _, err := (*Peer)(nil).EncodeRaw(w.s.pong.In(w.s.reg), nil); err != ErrNoPeer {
			t.Errorf("EncodeRaw for no peer: %v", err)
		}
	})
}

// What cannot be sent is refused as by Send, and after Release nothing is sent.
func TestEncodedIsRefused(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	small := registry.MustAdd[note](s.reg, "test:small", 30, registry.MaxSize(50))
	registry.MustAdd[note](c.reg, "test:small", 50)
	c.cfg.MaxFrame = 200_000
	w := overMemory(false)(t, s, c)
	sc, cc := w.handshake(t)
	late := registry.MustAdd[note](s.reg, "test:late", 31, registry.Late())
	encode := func(pkt registry.Packet[note], size int) *Encoded {
		e := mustEncode(t, w.server, pkt, &note{1, strings.Repeat("x", size)})
		t.Cleanup(e.Release)
		return e
	}
	short, long, gone := encode(s.pong, shortText), encode(s.pong, longText), encode(s.pong, longText)
	gone.Release()
	var size *SizeError
	for name, got := range map[string][2]error{
		"nil":                   {(*Encoded)(nil).SendTo(sc), ErrNil},
		"zero":                  {new(Encoded).SendTo(sc), ErrNil},
		"nil conn":              {short.SendTo(nil), ErrNoConn},
		"conn of another":       {short.SendTo(cc), ErrNoConn},
		"released":              {gone.SendTo(sc), ErrReleased},
		"not known there":       {encode(late, shortText).SendTo(sc), ErrNotOnWire},
		"not known there, long": {encode(late, longText).SendTo(sc), ErrNotOnWire},
	} {
		if !errors.Is(got[0], got[1]) {
			t.Errorf("%s: %v, want %v", name, got[0], got[1])
		}
	}
	for name, err := range map[string]error{
		"MaxSize of the packet": encode(small, 50).SendTo(sc),
		"long MaxSize":          encode(small, longText).SendTo(sc),
		"frame of that side":    encode(s.pong, 200_000).SendTo(sc),
	} {
		if !errors.As(err, &size) {
			t.Errorf("%s: %v, want a SizeError", name, err)
		}
	}
	if _, err := Encode(w.server, registry.Packet[note]{}, &note{}); !errors.Is(err, ErrNoPacket) {
		t.Errorf("Encode of no packet: %v", err)
	}
	if _, err := Encode((*Server)(nil), s.pong, &note{}); !errors.Is(err, ErrNoPeer) {
		t.Errorf("Encode for no peer: %v", err)
	}
	(*Encoded)(nil).Release()
	cc.Close()
	s.next(t, "lost")
	for _, e := range []*Encoded{short, long} {
		eventually(t, "refusal after the end", func() bool {
			err := e.SendTo(sc)
			return errors.Is(err, ErrClosed) || errors.Is(err, ErrNotActive)
		})
	}
}

// stalled opens conns to a server that read nothing after their handshake.
func stalled(t *testing.T, s *side, n int) *Server {
	t.Helper()
	s.cfg.Engine = &engine.Config{SendBuffer: 32 << 10, MaxPending: 2 << 20}
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	for range n {
		fd := dialBare(t, ln)
		t.Cleanup(func() { unix.Close(fd) })
		s.next(t, "made")
	}
	return server
}

// A long packet that waits on many conns is in memory once.
func TestBroadcastSharesMemory(t *testing.T) {
	const conns, packets = 30, 15
	s := newSide(false, 17, 18)
	server := stalled(t, s, conns)
	v := &note{1, strings.Repeat("x", longText)}
	for range packets {
		if err := Broadcast(server, s.pong, v); err != nil {
			t.Fatal(err)
		}
	}
	for c := range server.Conns() {
		if n := c.Pending(); n < longText {
			t.Fatalf("%d bytes wait for a conn that reads nothing", n)
		}
	}
	if n := server.Reactor().Buffers().Out(); n > packets+conns {
		t.Errorf("%d buffers are out, for %d packets on %d conns", n, packets, conns)
	}
	server.Close()
	if n := server.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are out after the end", n)
	}
}

// The policies for packets without room hold for encoded ones, whose payload stays shared.
func TestEncodedOverflows(t *testing.T) {
	for policy, want := range map[registry.Overflow]error{
		registry.Refuse:     ErrBackpressure,
		registry.DropNewest: nil,
		registry.DropOldest: nil,
		registry.CloseSlow:  engine.ErrSlowConsumer,
	} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			s := newSide(false, 17, 18)
			s.cfg.Overflow = policy
			server := stalled(t, s, 1)
			var c *Conn
			for c = range server.Conns() {
			}
			e := mustEncode(t, server, s.pong, &note{1, strings.Repeat("x", longText)})
			defer e.Release()
			var err error
			const packets = 60 // 5 MB, and 2 MiB may wait
			for range packets {
				if e := e.SendTo(c); err == nil {
					err = e
				}
			}
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			drops := policy == registry.DropNewest || policy == registry.DropOldest
			if n := c.Dropped(); drops != (n > 0) || n > packets-5 {
				t.Errorf("%d packets were dropped", n)
			}
			if n := server.Reactor().Buffers().Out(); n > 5 {
				t.Errorf("%d buffers are out for one packet", n)
			}
		})
	}
}

// Sending what is encoded allocates nothing, whether it is copied or shared.
func TestSendingEncodedAllocatesNothing(t *testing.T) {
	for _, size := range []int{shortText, longText} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newSide(false, 17, 18)
			server := NewServer(s.reg, &s.cfg)
			ln := open(t, server)
			fd := dialBare(t, ln)
			read, arrived := make(chan struct{}), make(chan struct{}, 1)
			t.Cleanup(func() { unix.Shutdown(fd, unix.SHUT_RDWR); <-read; unix.Close(fd) })
			c := s.next(t, "made").conn
			e := mustEncode(t, server, s.pong, &note{1, strings.Repeat("x", size)})
			defer e.Release()
			go func() {
				defer close(read)
				b, n := make([]byte, 1<<20), 0
				for {
					m, err := unix.Read(fd, b)
					if m <= 0 && err != unix.EINTR {
						return
					}
					if n += max(m, 0); n >= size { // the handshake beside it is short
						n = 0
						select {
						case arrived <- struct{}{}:
						default:
						}
					}
				}
			}()
			atMost(t, testing.AllocsPerRun(2000, func() {
				if err := e.SendTo(c); err != nil {
					t.Fatal(err)
				}
				<-arrived
			}), 0)
		})
	}
}

// A value that cannot be encoded, or that panics, is the caller's error or panic, and keeps
// no buffer.
func TestWhatCannotBeEncodedKeepsNothing(t *testing.T) {
	s := newSide(false, 17, 18)
	bad := registry.MustAdd[thrower](s.reg, "test:thrower", 30)
	server := NewServer(s.reg, &s.cfg)
	run(t, server.Peer)
	for _, v := range []*thrower{{errTest}, {nil}} {
		err := panicked(func() {
			if _, err := Encode(server, bad, v); err != nil {
				panic(err)
			}
		})
		if !errors.Is(err, errTest) {
			t.Errorf("%v, want what the packet's own method said", err)
		}
	}
	if n := server.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are out", n)
	}
}

var errTest = errors.New("test")

// thrower is a packet whose own encoding fails with err, or panics if that is nil.
type thrower struct{ err error }

func (v *thrower) MarshalMsg(b []byte) ([]byte, error) {
	if v.err == nil {
		panic(errTest)
	}
	return b, v.err
}

func (v *thrower) UnmarshalMsg(b []byte) ([]byte, error) { return b[1:], nil }
