package peer

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/packetmq/packetmq/registry"
)

func TestPermanent(t *testing.T) {
	for _, err := range []error{ReasonDenied, ReasonVersionMismatch, ReasonNonEqualPackets, ReasonSameAdaptivePolicy, ErrClosed,
		&Fault{ReasonDenied, io.EOF}, fmt.Errorf("wrapped: %w", ReasonDenied)} {
		if !Permanent(err) {
			t.Errorf("%v is not permanent", err)
		}
	}
	for _, err := range []error{nil, io.EOF, ReasonShutdown, ReasonUnknown, ReasonTimeout, Reason("reason.full"), ErrHandshakeTimeout, ErrTLS, ErrHalfOpen} {
		if Permanent(err) {
			t.Errorf("%v is permanent", err)
		}
	}
}

// stubborn is a client that comes back at once, and counts what it hears.
func stubborn(c *side) (heard chan error) {
	heard = make(chan error, 100)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: time.Millisecond}
	c.cfg.OnConnectFailed = func(_ string, err error) { heard <- err }
	return heard
}

// begin has a client connect as ConnectAsync does, over sockets or in memory.
func begin(t *testing.T, memory bool, s, c *side) (server *Server, client *Peer) {
	t.Helper()
	server = NewServer(s.reg, &s.cfg)
	run(t, server.Peer)
	if memory {
		m := NewMemoryClient(c.reg, &c.cfg)
		run(t, m.Peer)
		if err := m.ConnectAsync(server); err != nil {
			t.Fatal(err)
		}
		return server, m.Peer
	}
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := NewClient(c.reg, &c.cfg)
	run(t, n.Peer)
	if err := n.ConnectAsync(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return server, n.Peer
}

func overBoth(t *testing.T, test func(t *testing.T, memory bool)) {
	t.Run("tcp", func(t *testing.T) { test(t, false) })
	t.Run("memory", func(t *testing.T) { test(t, true) })
}

// idle waits until the client has no attempt under way or to come.
func idle(t *testing.T, client *Peer) {
	t.Helper()
	passed := make(chan struct{})
	client.Reactor().After(20*time.Millisecond, func() { close(passed) }) // twenty times Backoff.Max
	wait(t, "timer", passed)
	client.mu.Lock()
	defer client.mu.Unlock()
	if len(client.reconnectTimers) > 0 {
		t.Error("the client comes back")
	}
}

// A client does not come back where that is hopeless, unless Again says so, which
// hears the reason.
func TestComingBackWhereItIsHopeless(t *testing.T) {
	deny := func(s, c *side) {
		s.cfg.Authenticate = func(*Conn, Credentials) error { return errors.New("no") }
	}
	for name, test := range map[string]struct {
		setUp  func(s, c *side)
		reason Reason
	}{
		"denied":       {deny, ReasonDenied},
		"other names":  {func(s, c *side) { s.reg.AddObject("test:more", 19, nil) }, ReasonNonEqualPackets},
		"same policy":  {func(s, c *side) { s.reg = registry.NewAdapting() }, ReasonSameAdaptivePolicy},
		"at the start": {func(s, c *side) { s.reg = registry.NewAdapting(); deny(s, c) }, ReasonSameAdaptivePolicy},
	} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, memory bool) {
				for _, again := range []bool{false, true} {
					s, c := newSide(false, 17, 18), newSide(true, 40, 41)
					failed := stubborn(c)
					test.setUp(s, c)
					asked := make(chan error, 100)
					const tries = 3
					if again {
						n := 0
						c.cfg.Reconnect.Again = func(reason error) bool { asked <- reason; n++; return n < tries }
					}
					_, client := begin(t, memory, s, c)
					want := 1
					if again {
						want = tries
					}
					for range want {
						if again {
							if err := wait(t, "question", asked); !errors.Is(err, test.reason) {
								t.Errorf("Again was told %v", err)
							}
						}
						// A side that is active when the refusal comes has lost a conn.
						for e := range c.events {
							if e.what == "lost" {
								if !errors.Is(e.reason, test.reason) {
									t.Errorf("lost because of %v", e.reason)
								}
								break
							}
						}
					}
					idle(t, client)
					for len(failed) > 0 {
						if err := <-failed; !errors.Is(err, test.reason) {
							t.Errorf("failed because of %v", err)
						}
					}
					nothing(t, "question", asked)
				}
			})
		})
	}
}

// A server that takes everybody in and ends them at once is a failure each time:
// Attempts counts it.
func TestConnsThatDoNotLastAreFailures(t *testing.T) {
	overBoth(t, func(t *testing.T, memory bool) {
		for how, end := range map[string]func(c *Conn){
			"softquit": func(c *Conn) { c.Softquit("reason.full") },
			"abort":    func(c *Conn) { c.Abort(nil) },
		} {
			t.Run(how, func(t *testing.T) {
				s, c := newSide(false, 17, 18), newSide(true, 40, 41)
				s.cfg.OnMade = end
				stubborn(c)
				c.cfg.Reconnect.Attempts = 3
				_, client := begin(t, memory, s, c)
				lost := 0
				for lost < 3 {
					if e := wait(t, "event", c.events); e.what == "lost" {
						lost++
					}
				}
				idle(t, client)
				nothing(t, "conn", c.events)
			})
		}
	})
}

// A conn that lasted has the failures before it forgotten.
func TestConnsThatLastStartAnew(t *testing.T) {
	overBoth(t, func(t *testing.T, memory bool) {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		stubborn(c)
		c.cfg.Reconnect.Attempts, c.cfg.Reconnect.Lasts = 1, time.Nanosecond
		_, client := begin(t, memory, s, c)
		for range 5 {
			c.next(t, "made")
			lasted := make(chan struct{})
			client.Reactor().After(time.Millisecond, func() { close(lasted) })
			wait(t, "timer", lasted)
			s.next(t, "made").conn.Abort(nil)
			c.next(t, "lost")
			s.next(t, "lost")
		}
	})
}

// A memory client whose server has closed does not come back, and is told.
func TestMemoryClientOfAClosedServer(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	failed := stubborn(c)
	server, client := begin(t, true, s, c)
	c.next(t, "made")
	server.Close()
	c.next(t, "lost")
	if err := wait(t, "failure", failed); !errors.Is(err, ErrClosed) {
		t.Errorf("failed because of %v", err)
	}
	idle(t, client)
}

func TestBackoffOfOddDurations(t *testing.T) {
	for _, b := range []Backoff{
		{Min: math.MaxInt64, Max: math.MaxInt64},
		{Min: 1, Max: math.MaxInt64},
		{Min: math.MaxInt64/2 + 1, Max: 1},
		{Min: -5, Max: -5},
	} {
		r := (&Config{Reconnect: &b}).withDefaults().Reconnect
		for failed := range 200 {
			if d := r.delay(failed); d < 0 || d < min(r.Min, r.Max)/2 {
				t.Errorf("%+v: after %d failures %v", b, failed, d)
			}
		}
	}
}

func TestClientComesBackOnlyWhenAsked(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	asked := make(chan error, 10)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: time.Millisecond, Again: func(reason error) bool {
		asked <- reason
		return reason != Reason("reason.kicked")
	}}
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("127.0.0.1:0")
	run(t, server.Peer)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	if _, err := client.Connect(t.Context(), ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s.next(t, "made").conn.Softquit("reason.restart")
	wait(t, "question", asked)
	s.next(t, "lost")
	s.next(t, "made").conn.Softquit("reason.kicked")
	if r := wait(t, "question", asked); r != Reason("reason.kicked") {
		t.Errorf("asked about %v", r)
	}
	s.next(t, "lost")
	// Nor after an end of its own.
	conn, err := client.Connect(t.Context(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort(errors.New("left"))
	s.next(t, "made")
	s.next(t, "lost")
	eventually(t, "disconnected", func() bool { return conn.State() == Disconnected })
	onLoop(t, conn, func() {}) // after what the end of conn has begun
	client.mu.Lock()
	defer client.mu.Unlock()
	if n := len(client.reconnectTimers); n != 0 {
		t.Errorf("%d attempts are to come", n)
	}
	nothing(t, "question", asked)
}
