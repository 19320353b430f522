package peer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// deciding has a side ask somebody else about each conn.
func deciding(s *side) <-chan *Conn {
	ch := make(chan *Conn, 10)
	s.cfg.Authenticate = func(c *Conn, _ Credentials) error { ch <- c; return ErrDecideLater }
	return ch
}

// connecting connects in the background.
func connecting(t *testing.T, w *world) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { _, err := w.connect(t.Context()); done <- err }()
	return done
}

func TestDecideLater(t *testing.T) {
	for name, setUp := range map[string]func(s, c *side){
		"handshake":    func(s, c *side) {},
		"no handshake": func(s, c *side) { s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			var asked <-chan *Conn
			both := func(s, c *side) { asked = deciding(s); setUp(s, c) }
			everywhere(t, both, func(t *testing.T, w *world) {
				pings := inbox(t, w.server, w.s.ping, 10)
				done := connecting(t, w)
				sc := wait(t, "question", asked)
				// The other side does not know that it waits, and may send already.
				var cc *Conn
				eventually(t, "active client", func() bool { cc = w.client.Conn(1); return cc != nil && cc.State() == Active })
				for n := range 3 {
					ping, _ := new(codec.Msgpack).Append([]byte{0, 17}, &note{n, strings.Repeat("x", 5000)})
					if err := cc.Untyped().SendEncoded(ping); err != nil {
						t.Fatal(err)
					}
				}
				nothing(t, "event", w.s.events)
				nothing(t, "packet", pings)
				if err := Send(sc, w.s.pong, &note{}); !errors.Is(err, ErrNotActive) {
					t.Errorf("send while undecided: %v", err)
				}
				if err := sc.Decide(nil); err != nil {
					t.Fatal(err)
				}
				if err := sc.Decide(errBroken); err != ErrDecided {
					t.Errorf("second decision: %v", err)
				}
				for n := range 3 {
					if got := wait(t, "packet", pings); got.N != n {
						t.Errorf("packet %d, want %d", got.N, n)
					}
				}
				if err := wait(t, "Connect", done); err != nil {
					t.Errorf("Connect: %v", err)
				}
				w.s.next(t, "made")
			})
		})
	}
}

// A decision may come before Authenticate has returned, and on its own loop.
func TestDecideAtOnce(t *testing.T) {
	for name, err := range map[string]error{"let in": nil, "denied": errBroken} {
		setUp := func(s, c *side) {
			s.cfg.Authenticate = func(c *Conn, _ Credentials) error {
				if err := c.Decide(err); err != nil {
					t.Error(err)
				}
				return ErrDecideLater
			}
		}
		everywhere(t, setUp, func(t *testing.T, w *world) {
			_, got := w.connect(t.Context())
			if err == nil && got != nil || err != nil && !errors.Is(got, ReasonDenied) {
				t.Errorf("%s: Connect returned %v", name, got)
			}
		})
	}
}

// An answer that Authenticate gives itself counts, whatever else is said.
func TestDecideAndReturn(t *testing.T) {
	setUp := func(s, c *side) {
		s.cfg.Authenticate = func(c *Conn, _ Credentials) error { c.Decide(nil); return errBroken }
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		if _, err := w.connect(t.Context()); !errors.Is(err, ReasonDenied) {
			t.Errorf("Connect returned %v", err)
		}
	})
}

func TestDecideForNobody(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		if err := errors.Join(sc.Decide(errBroken), cc.Decide(nil)); !errors.Is(err, ErrDecided) {
			t.Errorf("nobody asked: %v", err)
		}
		if sc.State() != Active {
			t.Error(sc.State())
		}
		cc.Softquit("reason.bye")
		w.s.next(t, "lost")
		if err := sc.Decide(nil); err != ErrClosed {
			t.Errorf("after the end: %v", err)
		}
	})
	if err := (*Conn)(nil).Decide(nil); err != ErrNoConn {
		t.Errorf("no conn: %v", err)
	}
}

// The end of a conn that waits is told like any, whoever made it; a decision that
// comes afterwards does nothing.
func TestUndecidedConnsEnd(t *testing.T) {
	for name, end := range map[string]struct {
		setUp func(s *side)
		do    func(sc *Conn, w *world)
		want  error // nil: any
	}{
		"time":     {func(s *side) { s.cfg.Handshake = 50 * time.Millisecond }, func(*Conn, *world) {}, ErrHandshakeTimeout},
		"abort":    {nil, func(sc *Conn, w *world) { sc.Abort(errBroken) }, errBroken},
		"softquit": {nil, func(sc *Conn, w *world) { sc.Softquit("reason.later") }, Reason("reason.later")},
		"gone":     {nil, func(sc *Conn, w *world) { w.client.Close() }, nil},
		"close":    {nil, func(sc *Conn, w *world) { w.server.Close() }, nil},
		"denied":   {nil, func(sc *Conn, w *world) { sc.Decide(errBroken) }, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			for _, skip := range []bool{false, true} {
				var asked <-chan *Conn
				setUp := func(s, c *side) {
					asked = deciding(s)
					s.cfg.SkipHandshake, c.cfg.SkipHandshake = skip, skip
					if end.setUp != nil {
						end.setUp(s)
					}
				}
				everywhere(t, setUp, func(t *testing.T, w *world) {
					done := connecting(t, w)
					sc := wait(t, "question", asked)
					end.do(sc, w)
					if e := w.s.next(t, "lost"); end.want != nil && !errors.Is(e.reason, end.want) {
						t.Errorf("lost because of %v, want %v", e.reason, end.want)
					}
					sc.Decide(nil)
					wait(t, "Connect", done)
					nothing(t, "event", w.s.events)
				})
			}
		})
	}
}

// What a conn says while it waits is bounded, and is handled in order afterwards,
// however much it is.
func TestInputOfAnUndecidedConn(t *testing.T) {
	s := newSide(false, 17, 18)
	asked := deciding(s)
	server := NewServer(s.reg, &s.cfg)
	got := make(chan int, 20000)
	server.Untyped().HandleRaw("test:ping", func(_ *Conn, b []byte) error { got <- int(b[0])<<8 | int(b[1]); return nil })
	ln := open(t, server)
	packets := func(from, to int) (b []byte) {
		for n := from; n < to; n++ {
			b = codec.AppendFrame(b, 17, []byte{byte(n >> 8), byte(n)})
		}
		return b
	}
	const most = maxKeptInput/8 - 10 // frames of 8 bytes, after finish
	w := dialTo(t, ln)
	w.shake(2)
	c := wait(t, "question", asked)
	w.send(3, []byte{0xc0})
	w.Write(packets(0, most))
	set := make(chan int)
	eventually(t, "input", func() bool {
		c.Loop().Post(func() { set <- len(c.makeRare().keptInput) })
		return wait(t, "count", set) > 8*most
	})
	nothing(t, "packet", got)
	c.Decide(nil)
	c.Loop().Post(func() { set <- 0 })
	wait(t, "decision", set) // more would be too much before it
	w.Write(packets(most, 2*most))
	for n := range 2 * most {
		if m := wait(t, "packet", got); m != n {
			t.Fatalf("packet %d, want %d", m, n)
		}
	}
	s.next(t, "made")

	w = dialTo(t, ln)
	w.shake(2)
	c = wait(t, "question", asked)
	w.Write(packets(0, 2*most))
	if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonProtocol) || !errors.Is(e.reason, errKeptInput) {
		t.Errorf("lost because of %v", e.reason)
	}
}

// What conns say while they wait is bounded for all of them together, too.
func TestInputOfUndecidedConnsIsBoundedInTotal(t *testing.T) {
	const bound, said = 256 << 10, maxKeptInput * 3 / 4
	s := newSide(false, 17, 18)
	s.cfg.Engine = &engine.Config{MaxTotalInput: bound}
	asked := deciding(s)
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	for range 2 * bound / said {
		w := dialTo(t, ln)
		w.shake(2)
		wait(t, "question", asked)
		w.Write(codec.AppendFrame(nil, 17, make([]byte, said)))
	}
	if e := s.next(t, "lost"); !errors.Is(e.reason, engine.ErrInput) {
		t.Errorf("lost because of %v", e.reason)
	}
}

// A denial may carry a word, which the other side can show. Sides that do not know
// of it are told what they always were.
func TestDeniedWithAWord(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			setUp := func(s, c *side) {
				s.cfg.Authenticate = func(c *Conn, _ Credentials) error {
					err := &Denied{"expired", errBroken}
					if !late {
						return err
					}
					go c.Decide(err)
					return ErrDecideLater
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				var denied *Denied
				_, err := w.connect(t.Context())
				if !errors.Is(err, ReasonDenied) || !errors.As(err, &denied) || denied.Why != "expired" || denied.Err != nil {
					t.Errorf("Connect returned %v", err)
				}
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, errBroken) || !errors.Is(e.reason, ReasonDenied) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
				if s := w.server.Stats(); s.Lost[string(ReasonDenied)] != 1 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestDeniedOnTheWire(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		plain bool
		want  string
	}{
		"no word":            {errBroken, false, "81a6726561736f6ead726561736f6e2e64656e696564"},
		"an empty word":      {&Denied{"", errBroken}, false, "81a6726561736f6ead726561736f6e2e64656e696564"},
		"a word":             {&Denied{"banned", nil}, false, "82a6726561736f6ead726561736f6e2e64656e696564a3776879a662616e6e6564"},
		"without extensions": {&Denied{"banned", nil}, true, "81a6726561736f6ead726561736f6e2e64656e696564"},
		"no text":            {&Denied{"\xff!", nil}, false, "82a6726561736f6ead726561736f6e2e64656e696564a3776879a121"},
	} {
		s := newSide(false, 17, 18)
		s.cfg.NoExtensions = test.plain
		s.cfg.Authenticate = func(*Conn, Credentials) error { return test.err }
		w := dialTo(t, open(t, NewServer(s.reg, &s.cfg)))
		w.shake(2)
		if f := w.expect(1); string(f.Payload()) != string(unhex(test.want)) {
			t.Errorf("%s: told %x, want %s", name, f.Payload(), test.want)
		}
	}
	long := appendWhy(nil, strings.Repeat("x", 5000))
	if why := parseWhy(long); len(long) > maxSoftquitPayload || len(why) != maxReason {
		t.Errorf("%d bytes, with a word of %d", len(long), len(why))
	}
}

// A Token can be chosen by the server that asks.
func TestTokenKnowsWhoAsks(t *testing.T) {
	tokens := make(map[string]string)
	c := newSide(true, 40, 41)
	c.cfg.Token = func(c *Conn) []byte { return []byte(tokens[c.Dialed()]) }
	asked := make(map[string]<-chan shown)
	for _, name := range []string{"one", "two"} {
		s := newSide(false, 17, 18)
		at := showing(s, nil)
		addr := "tcp://" + open(t, NewServer(s.reg, &s.cfg)).Addr().String()
		tokens[addr], asked[addr] = name, at
	}
	client := NewClient(c.reg, &c.cfg)
	t.Cleanup(func() { client.Close() })
	client.RunAsync()
	for addr, name := range tokens {
		cc, err := client.Connect(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		got := wait(t, "call", asked[addr])
		if string(got.cred.Token) != name || cc.Dialed() != addr || got.conn.Dialed() != "" {
			t.Errorf("%s was shown %q on a conn to %s", addr, got.cred.Token, cc.Dialed())
		}
	}
}
