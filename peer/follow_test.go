package peer

import (
	"testing"
	"time"
)

func TestWhoMayBeFollowed(t *testing.T) {
	for _, test := range []struct {
		name     string
		follow   func(from, to string) bool
		from, to string
		want     bool
	}{
		{"default", nil, "tcp://g1:7000", "tcp://g2:7000", false},
		{"default, the same", nil, "tcp://g1:7000", "tcp://g1:7000", true},
		{"default, the same, shorter", nil, "g1:7000", "tcp://g1:7000", true},
		{"default, the same without TLS", nil, "tls://g1:7000", "tcp://g1:7000", false},
		{"default, a Unix socket", nil, "tcp://g1:7000", "unix:///run/x", false},
		{"TLS", FollowTLS, "tls://g1:7000", "tls://g2:7000", true},
		{"TLS to plain", FollowTLS, "tls://g1:7000", "tcp://g2:7000", false},
		{"plain to TLS", FollowTLS, "tcp://g1:7000", "tls://g2:7000", false},
		{"TLS to a Unix socket", FollowTLS, "tls://g1:7000", "unix:///run/x", false},
		{"listed", FollowTo("tcp://g2:7000", "tcp://g3:7000"), "g1:7000", "tcp://g3:7000", true},
		{"not listed", FollowTo("tcp://g2:7000"), "g1:7000", "tcp://g3:7000", false},
	} {
		b := Backoff{Follow: test.follow}
		to := target{addr: test.from}
		b.follow(&Advice{To: test.to}, &to, time.Hour)
		if got := to.address() == test.to || test.want && to.address() == test.from; got != test.want {
			t.Errorf("%s: from %s to %s: %v", test.name, test.from, test.to, got)
		}
	}
}

func TestHowLongAnAdvisedClientWaits(t *testing.T) {
	always := func(string, string) bool { return true }
	for _, test := range []struct {
		name        string
		advice      Advice
		failed      int
		least, most time.Duration
	}{
		{"elsewhere", Advice{To: elsewhere}, 0, 0, 0},
		{"elsewhere, after a conn that did not last", Advice{To: elsewhere}, 1, 0, 0},
		{"sent to and fro", Advice{To: elsewhere}, 2, time.Second, time.Second},
		{"after", Advice{After: time.Minute}, 0, time.Minute, 75*time.Second + 1},
		{"elsewhere, after", Advice{To: elsewhere, After: time.Minute}, 0, time.Minute, 75*time.Second + 1},
		{"no longer than the back-off", Advice{After: time.Millisecond}, 3, time.Second, time.Second},
		{"the longest", Advice{After: MaxAfter}, 0, MaxAfter, MaxAfter*5/4 + 1},
	} {
		for range 100 {
			to := target{addr: "g1:7000", failed: test.failed}
			b := Backoff{Follow: always}
			if got := b.follow(&test.advice, &to, time.Second); got < test.least || got > test.most+1 {
				t.Fatalf("%s: waits %v", test.name, got)
			}
		}
	}
}

// twoServers are two servers at sockets, and a client of the first that comes back at once.
func twoServers(t *testing.T, follow func(from, to string) bool) (s1, s2, c *side, second string) {
	t.Helper()
	s1, s2, c = newSide(false, 17, 18), newSide(false, 17, 18), newSide(true, 40, 41)
	stubborn(c)
	first := open(t, NewServer(s1.reg, &s1.cfg)).Addr().String()
	second = "tcp://" + open(t, NewServer(s2.reg, &s2.cfg)).Addr().String()
	c.cfg.Reconnect.Follow = follow
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	if err := client.ConnectAsync(first); err != nil {
		t.Fatal(err)
	}
	c.next(t, "made")
	return s1, s2, c, second
}

func TestAClientGoesWhereItIsAdvised(t *testing.T) {
	var asked [2]string
	s1, s2, c, second := twoServers(t, func(from, to string) bool { asked = [2]string{from, to}; return true })
	sc := s1.next(t, "made").conn
	if err := sc.SoftquitWith(Advice{Reason: ReasonShutdown, To: second}); err != nil {
		t.Fatal(err)
	}
	first := c.next(t, "lost").conn.Dialed()
	made := c.next(t, "made").conn
	s2.next(t, "made")
	if made.Dialed() != second {
		t.Errorf("Dialed is %s at %s", made.Dialed(), second)
	}
	if asked != [2]string{first, second} {
		t.Errorf("Follow was asked for %q", asked)
	}
}

// A client that may not follow stays with its address.
func TestAClientDoesNotGoWhereItMayNot(t *testing.T) {
	s1, s2, c, second := twoServers(t, nil)
	if err := s1.next(t, "made").conn.SoftquitWith(Advice{Reason: ReasonShutdown, To: second}); err != nil {
		t.Fatal(err)
	}
	c.next(t, "lost")
	s1.next(t, "lost")
	s1.next(t, "made")
	c.next(t, "made")
	nothing(t, "conn", s2.events)
}

// Where nobody listens at the advised address, the client goes back to the program's.
func TestAClientComesBackFromWhereNobodyIs(t *testing.T) {
	s1, _, c, _ := twoServers(t, func(string, string) bool { return true })
	gone := newSide(false, 17, 18)
	server := NewServer(gone.reg, &gone.cfg)
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "tcp://" + ln.Addr().String()
	server.Close()
	if err := s1.next(t, "made").conn.SoftquitWith(Advice{Reason: ReasonShutdown, To: nowhere}); err != nil {
		t.Fatal(err)
	}
	c.next(t, "lost")
	s1.next(t, "lost")
	made := c.next(t, "made").conn
	s1.next(t, "made")
	if made.Dialed() == nowhere {
		t.Error("connected where nobody is")
	}
}

// A client that is told never to come back does not.
func TestAClientStaysAwayIfItIsTold(t *testing.T) {
	overBoth(t, func(t *testing.T, memory bool) {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		stubborn(c)
		_, client := begin(t, memory, s, c)
		if err := s.next(t, "made").conn.SoftquitWith(Advice{Reason: ReasonGeneric, Comeback: ComebackNever}); err != nil {
			t.Fatal(err)
		}
		c.next(t, "made")
		c.next(t, "lost")
		idle(t, client)
		nothing(t, "conn", c.events)
	})
}
