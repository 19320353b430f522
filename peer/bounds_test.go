package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// way is one by which a packet of n bytes, and a few more, leaves a conn.
type way struct {
	name string
	send func(c *Conn, s *side, n int) error // called on the conn's loop
}

// ways are all of them.
func ways() []way {
	value := func(n int) *note { return &note{Text: strings.Repeat("x", n)} }
	var ready []byte // the last one
	payload := func(n int) []byte {
		if len(ready) < n || len(ready) > n+100 {
			ready, _ = new(codec.Msgpack).Append(nil, value(n))
		}
		return ready
	}
	return []way{
		{"Send", func(c *Conn, s *side, n int) error { return Send(c, s.pong, value(n)) }},
		{"Conn.Send", func(c *Conn, s *side, n int) error { return c.Untyped().Send("test:pong", value(n)) }},
		{"Peer.Send", func(c *Conn, s *side, n int) error { return c.Peer().Untyped().Send(c, "test:pong", value(n)) }},
		{"SendRaw", func(c *Conn, s *side, n int) error { return c.SendRaw(s.pong.In(s.reg), payload(n)) }},
		{"SendEncoded", func(c *Conn, s *side, n int) error {
			return c.Untyped().SendEncoded(append([]byte{0, 18}, payload(n)...))
		}},
		{"Reply", func(c *Conn, s *side, n int) error { return Reply(c, s.pong, value(n)) }},
		{"Conn.Reply", func(c *Conn, s *side, n int) error { return c.Untyped().Reply("test:pong", value(n)) }},
		{"ReplyRaw", func(c *Conn, s *side, n int) error { return c.ReplyRaw(s.pong.In(s.reg), payload(n)) }},
	}
}

// clogged is a server's conn over a transport whose other side takes nothing, and that
// side, which can be told to take everything.
func clogged(t *testing.T, transport string, s *side) (c *Conn, read func()) {
	t.Helper()
	switch transport {
	case "tcp":
		w := dialWire(t, s)
		w.shakeWith(initMsg{version: 1, maxFrame: 64 << 20})
		return s.next(t, "made").conn, func() { discard(w) }
	case "injected":
		ours, theirs := net.Pipe()
		w := &wire{t: t, Conn: theirs}
		server := NewServer(s.reg, &s.cfg)
		if err := server.RunAsync(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { theirs.Close(); server.Close() })
		if _, err := server.Inject(ours); err != nil {
			t.Fatal(err)
		}
		w.shakeWith(initMsg{version: 1, maxFrame: 64 << 20})
		return s.next(t, "made").conn, func() { discard(w) }
	}
	// The loop of a memory client is held up until it is to read.
	server := NewServer(s.reg, &s.cfg)
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	far := newSide(true, 40, 41)
	far.cfg.MaxFrame = 64 << 20
	client := NewMemoryClient(far.reg, &far.cfg)
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Connect(context.Background(), server); err != nil {
		t.Fatal(err)
	}
	held, free := make(chan struct{}), make(chan struct{})
	client.Reactor().Post(func() { close(held); <-free })
	wait(t, "the client's loop", held)
	freed := false
	read = func() {
		if !freed {
			freed = true
			close(free)
		}
	}
	t.Cleanup(func() { read(); client.Close(); server.Close() })
	return s.next(t, "made").conn, read
}

// Whichever way packets are sent, and over whatever transport, no more than MaxPending
// waits for the other side; what does not fit is refused as the policy says, and
// nothing that was taken is lost.
func TestEveryWayOutKeepsMaxPending(t *testing.T) {
	const bound, size = 1 << 20, 20_000
	for _, transport := range []string{"tcp", "injected", "memory"} {
		for i := range ways() {
			w := ways()[i]
			t.Run(transport+"/"+w.name, func(t *testing.T) {
				s := newSide(false, 17, 18)
				s.cfg.Overflow = registry.Refuse
				s.cfg.Engine = &engine.Config{MaxPending: bound, SoftPending: bound}
				c, read := clogged(t, transport, s)
				for refused := false; !refused; {
					onLoop(t, c, func() {
						for range 100 { // several megabytes in one callback
							err := w.send(c, s, size)
							n := c.link.Waiting().Bytes
							if n > bound {
								t.Fatalf("%d bytes wait, the bound is %d", n, bound)
							}
							switch {
							case errors.Is(err, ErrBackpressure):
								if refused = true; n < bound-2*size {
									t.Errorf("refused when %d bytes wait, the bound is %d", n, bound)
								}
							case err != nil:
								t.Fatal(err)
							}
						}
					})
				}
				read()
				eventually(t, "drained", func() bool { return c.Pending() == 0 })
				onLoop(t, c, func() {
					if err := w.send(c, s, size); err != nil {
						t.Errorf("after all was taken: %v", err)
					}
				})
			})
		}
	}
}

// What can never fit is a SizeError and ends nothing, whichever way it is sent, under
// every policy.
func TestEveryWayOutRefusesWhatNeverFits(t *testing.T) {
	for _, policy := range []registry.Overflow{0, registry.Refuse, registry.DropNewest, registry.DropOldest} {
		s := newSide(false, 17, 18)
		s.cfg.Overflow, s.cfg.MaxFrame = policy, 1<<20
		s.cfg.Engine = &engine.Config{MaxPending: 200_000}
		w := dialWire(t, s)
		w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
		discard(w)
		c := s.next(t, "made").conn
		for _, w := range ways() {
			for _, n := range []int{200_000, 900_000} {
				onLoop(t, c, func() {
					var big *SizeError
					if err := w.send(c, s, n); !errors.As(err, &big) {
						t.Errorf("policy %v, %s of %d bytes: %v, want a SizeError", policy, w.name, n, err)
					}
				})
			}
			onLoop(t, c, func() {
				if err := w.send(c, s, 150_000); err != nil {
					t.Errorf("policy %v, %s of what fits: %v", policy, w.name, err)
				}
			})
			eventually(t, "drained", func() bool { return c.Pending() == 0 })
		}
		if got := c.State(); got != Active || c.Dropped() != 0 {
			t.Errorf("policy %v: the conn is %v, and dropped %d", policy, got, c.Dropped())
		}
	}
}

// What waits for all conns together is bounded whichever way it was sent, and those for
// whom the most waits pay for it: a conn that reads is served, and stays.
func TestEveryWayOutKeepsMaxTotalPending(t *testing.T) {
	const total, conns = 8 << 20, 24
	rounds := 8 // in each of which each conn would have a MB wait
	few := testing.Short() || raceEnabled
	if few {
		rounds = 1
	}
	all := append(ways(), way{"heartbeat answers", func(c *Conn, s *side, n int) error {
		for range min(n, 100_000) / 15 {
			c.onPing(make([]byte, 9))
		}
		return nil
	}})
	for _, w := range all {
		for _, size := range []int{1000, 900_000} {
			t.Run(fmt.Sprint(w.name, " ", size), func(t *testing.T) {
				if w.name == "heartbeat answers" && size == 1000 && few {
					t.Skip("answers are of one size; these only come in smaller groups, which takes a minute in the debug build")
				}
				s := newSide(false, 17, 18)
				s.cfg.Overflow = registry.Refuse
				s.cfg.Engine = &engine.Config{MaxTotalPending: total, MaxPending: 4 << 20, SoftPending: 4 << 20}
				server := NewServer(s.reg, &s.cfg)
				ln := open(t, server)
				polite := dialTo(t, ln)
				polite.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
				reads := s.next(t, "made").conn
				discard(polite)
				var slow []*Conn
				for range conns {
					w := dialTo(t, ln)
					w.shakeWith(initMsg{version: 1, maxFrame: 1 << 20})
					c := s.next(t, "made").conn
					for c.Pending() == 0 { // until the kernel takes no more
						onLoop(t, c, func() { c.SendRaw(s.pong.In(s.reg), make([]byte, 1<<19)) })
					}
					slow = append(slow, c)
				}
				for range rounds {
					for _, c := range slow {
						onLoop(t, c, func() {
							for range max(1_000_000/size, 1) {
								w.send(c, s, size)
							}
						})
						sum := 0
						onLoop(t, c, func() {
							for _, c := range slow {
								if c.State() == Active { // else it was ended
									sum += c.link.Waiting().Bytes
								}
							}
						})
						if sum > total+total/8 {
							t.Fatalf("%d bytes wait, the bound is %d and an eighth", sum, total)
						}
					}
				}
				for range 20 {
					onLoop(t, reads, func() {
						if err := w.send(reads, s, size); err != nil {
							t.Errorf("one that reads: %v", err)
						}
					})
					eventually(t, "drained", func() bool { return reads.Pending() == 0 })
				}
				if got := reads.State(); got != Active {
					t.Errorf("one that reads is %v", got)
				}
			})
		}
	}
}

// A side that has not finished the handshake gets no answers to heartbeats.
func TestHeartbeatsAreNotAnsweredBeforeTheHandshake(t *testing.T) {
	s := newSide(false, 17, 18)
	w := dialWire(t, s)
	w.expect(registry.IDInit)
	ping := codec.AppendUint(nil, 1<<40)
	w.send(registry.IDInit, initMsg{version: 1, beats: true}.append(nil))
	w.send(registry.IDPing, ping)
	w.expect(registry.IDPubIDs)
	w.send(registry.IDPing, ping)
	w.send(registry.IDPubIDs, pubIDsMsg{adapt: true}.append(nil))
	w.send(registry.IDPing, ping)
	w.expect(registry.IDFinish)
	w.send(registry.IDFinish, []byte{0xc0})
	w.send(registry.IDPing, codec.AppendUint(nil, 1<<41))
	w.expect(registry.IDPing) // the server's own, once the conn is made
	f := w.expect(registry.IDPong)
	if n, _, _ := codec.ReadUint(f.Payload()); n != 1<<41 {
		t.Errorf("heartbeat %x was answered, want that after the handshake", n)
	}
}
