package peer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/throttle"
)

func tcpAddr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// Who is let in, who has to make room for it, and why the last one was refused.
func TestAdmission(t *testing.T) {
	many := func(n int, format string) (addrs []string) {
		for i := range n {
			addrs = append(addrs, fmt.Sprintf(format, i))
		}
		return addrs
	}
	for name, test := range map[string]struct {
		a    *admission
		from []string
		in   int // that stay
		why  error
	}{
		"half an address":     {&admission{halfOpen: 99}, many(50, "10.0.0.1:%d"), 32, ErrHalfOpenPerAddr},
		"half a /64":          {&admission{halfOpen: 99}, many(50, "[2001:db8::%x]:1"), 32, ErrHalfOpenPerAddr},
		"two /64s":            {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []string{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "[2001:db8:0:1::2]:1"}, 2, ErrHalfOpenPerAddr},
		"mapped":              {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []string{"10.0.0.1:1", "[::ffff:10.0.0.1]:1"}, 1, ErrHalfOpenPerAddr},
		"zones":               {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []string{"[fe80::1%lo]:1", "[fe80::1%eth0]:1", "[fe80::1]:1"}, 1, ErrHalfOpenPerAddr},
		"loopback":            {&admission{halfOpen: 99}, many(50, "127.0.0.1:%d"), 50, nil},
		"loopback, when set":  {&admission{halfOpen: 99, halfOpenPerAddr: 3}, many(50, "127.0.0.1:%d"), 3, ErrHalfOpenPerAddr},
		"a bound that is odd": {&admission{halfOpen: 99, halfOpenPerAddr: -1}, many(50, "10.0.0.1:%d"), 32, ErrHalfOpenPerAddr},
		"an address":          {&admission{halfOpen: 99, perAddr: 2}, many(5, "10.0.0.1:%d"), 2, ErrPerAddr},
		"rate":                {&admission{halfOpen: 99, rate: 0.001}, many(5, "10.0.0.1:%d"), 1, ErrRate},
	} {
		t.Run(name, func(t *testing.T) {
			in := make(map[*admittedSocket]bool)
			var why error
			for _, from := range test.from {
				g, err := test.a.admit(t.Context(), tcpAddr(from), func(err error) { why = err })
				if err != nil {
					why = err
					continue
				}
				in[g] = true
			}
			for g := range in {
				if g.addr == nil {
					delete(in, g)
				}
			}
			if len(in) != test.in || why != test.why {
				t.Fatalf("%d are in, the last had to leave because of %v; want %d, and %v", len(in), why, test.in, test.why)
			}
			for g := range in {
				test.a.completed(g)
				test.a.completed(g)
			}
			if n := test.a.half.len(); n != 0 {
				t.Errorf("%d are half open with all settled", n)
			}
			for g := range in {
				test.a.release(g)
				test.a.release(g)
			}
			if test.a.rate == 0 && len(test.a.addrs) != 0 {
				t.Errorf("%d addresses are remembered with nobody there", len(test.a.addrs))
			}
			if _, err := test.a.admit(t.Context(), tcpAddr("10.9.9.9:1"), nil); err != nil {
				t.Errorf("a newcomer after all left: %v", err)
			}
		})
	}
}

// A socket that a proxy has brought is counted in total at first, then for its client, whose
// bounds hold, and in the end for nobody.
func TestAdmissionRecounts(t *testing.T) {
	for name, test := range map[string]struct {
		a       *admission
		clients []net.Addr
		in      int // that stay
		why     error
	}{
		"as many clients":   {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []net.Addr{tcpAddr("10.0.0.1:1"), tcpAddr("10.0.0.2:1")}, 2, nil},
		"half an address":   {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []net.Addr{tcpAddr("10.0.0.1:1"), tcpAddr("10.0.0.1:2")}, 1, ErrHalfOpenPerAddr},
		"an address":        {&admission{halfOpen: 99, perAddr: 1}, []net.Addr{tcpAddr("10.0.0.1:1"), tcpAddr("10.0.0.1:2")}, 1, ErrPerAddr},
		"rate":              {&admission{halfOpen: 99, rate: 1e-6}, []net.Addr{tcpAddr("10.0.0.1:1"), tcpAddr("10.0.0.1:2")}, 1, ErrRate},
		"no address":        {&admission{halfOpen: 99, perAddr: 1, halfOpenPerAddr: 1, rate: 1e-6}, []net.Addr{&net.UnixAddr{}, &net.UnixAddr{}}, 2, nil},
		"all are half open": {&admission{halfOpen: 2, halfOpenPerAddr: 1}, []net.Addr{tcpAddr("10.0.0.1:1"), tcpAddr("10.0.0.2:1"), tcpAddr("10.0.0.3:1")}, 2, ErrHalfOpen},
	} {
		t.Run(name, func(t *testing.T) {
			var why error
			end := func(err error) { why = err }
			in := make(map[*admittedSocket]bool)
			for _, client := range test.clients {
				g, err := test.a.admit(t.Context(), nil, func(err error) { t.Errorf("it ends as one of the proxy, because of %v", err) })
				if err != nil {
					t.Fatal(err)
				}
				if err := test.a.recount(g, client, end); err != nil {
					why = err
					test.a.release(g)
				}
				in[g] = true
			}
			for g := range in {
				if g.addr == nil {
					delete(in, g)
				}
			}
			if len(in) != test.in || why != test.why {
				t.Fatalf("%d are in, the last had to leave because of %v; want %d, and %v", len(in), why, test.in, test.why)
			}
			for g := range in {
				test.a.release(g)
			}
			if test.a.half.len() != 0 || test.a.noAddr.open != 0 || test.a.rate == 0 && len(test.a.addrs) != 0 {
				t.Errorf("with nobody there %d are half open, %d have no address, %d addresses are remembered",
					test.a.half.len(), test.a.noAddr.open, len(test.a.addrs))
			}
		})
	}
}

// A socket that had to make room while its header came is told why.
func TestRecountOfASocketThatMadeRoom(t *testing.T) {
	a := &admission{halfOpen: 1}
	g, err := a.admit(t.Context(), nil, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.admit(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.recount(g, tcpAddr("10.0.0.1:1"), nil); err != ErrHalfOpen {
		t.Errorf("recount: %v", err)
	}
	if err := a.release(g); err != ErrHalfOpen {
		t.Errorf("release: %v", err)
	}
}

// A client has as long as others from when its header is there.
func TestRecountedSocketsCameNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1)
		time.Sleep(time.Minute)
		if err := c.recount(c.guests[0], tcpAddr("10.0.0.1:1"), func(error) {}); err != nil {
			t.Fatal(err)
		}
		if took := c.next(t); took < maxSilentGrace {
			t.Errorf("it had to make room after %v", took)
		}
	})
}

// crowd is an admission that is full, within a synctest bubble.
type crowd struct {
	admission
	guests []*admittedSocket
	ended  []int // guests that had to make room, by their order
}

func newCrowd(t *testing.T, n int) *crowd {
	c := &crowd{admission: admission{halfOpen: n}}
	for i := range n {
		g, err := c.admit(t.Context(), &net.UnixAddr{}, func(error) { c.ended = append(c.ended, i) })
		if err != nil {
			t.Fatal(err)
		}
		c.guests = append(c.guests, g)
	}
	return c
}

// next lets one more in, and returns how long that took.
func (c *crowd) next(t *testing.T) time.Duration {
	began := time.Now()
	if _, err := c.admit(t.Context(), &net.UnixAddr{}, func(error) {}); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// When all places are taken, who keeps this side waiting the longest makes room;
// nobody has to who takes no longer than others.
func TestRoomIsMade(t *testing.T) {
	tests := map[string]struct {
		before func(c *crowd)
		ended  int // who has to make room; -1: nobody
		after  time.Duration
	}{
		"silent":             {func(c *crowd) { time.Sleep(time.Second) }, 0, 0},
		"silent, just come":  {func(c *crowd) {}, 0, maxSilentGrace},
		"one left meanwhile": {func(c *crowd) { time.AfterFunc(20*time.Millisecond, func() { c.release(c.guests[3]) }) }, -1, 20 * time.Millisecond},
		"one got ready":      {func(c *crowd) { time.AfterFunc(20*time.Millisecond, func() { c.completed(c.guests[3]) }) }, -1, 20 * time.Millisecond},
		"others are quick":   {func(c *crowd) { time.Sleep(10 * time.Millisecond); c.progressed(c.guests[0]) }, 1, minGrace - 10*time.Millisecond},
		"the first spoke":    {func(c *crowd) { time.Sleep(time.Second); c.progressed(c.guests[0]) }, 1, 0},
		"most spoke":         {func(c *crowd) { spoke(c, 0, 1, 2); time.Sleep(time.Second) }, 0, 0},
		"most spoke, again":  {func(c *crowd) { spoke(c, 0, 1, 2); time.Sleep(time.Second); spoke(c, 0) }, 1, maxHeardGrace - time.Second},
		"on a slow machine":  {func(c *crowd) { time.Sleep(time.Second); spoke(c, 0, 1, 2) }, 0, maxHeardGrace},
		"few spoke":          {func(c *crowd) { time.Sleep(time.Second); spoke(c, 0, 1); time.Sleep(time.Second) }, 2, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, 4)
				test.before(c)
				took := c.next(t)
				if took < test.after || took > test.after+roomCheckInterval {
					t.Errorf("the newcomer waited for %v, want %v", took, test.after)
				}
				var want []int
				if test.ended >= 0 {
					want = []int{test.ended}
				}
				if !slices.Equal(c.ended, want) {
					t.Errorf("%v had to make room, want %v", c.ended, want)
				}
				if n := c.half.len(); n != 4 {
					t.Errorf("%d are half open", n)
				}
			})
		})
	}
}

func spoke(c *crowd, guests ...int) {
	for _, i := range guests {
		c.progressed(c.guests[i])
	}
}

// A newcomer that waits for room is let go with the peer.
func TestWaitForRoomEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.admit(ctx, &net.UnixAddr{}, nil); err != ErrClosed {
			t.Errorf("admit: %v", err)
		}
		if c.noAddr.open != 1 {
			t.Errorf("%d are open", c.noAddr.open)
		}
	})
}

// Addresses that came once are forgotten when their rate has recovered.
func TestAdmissionForgets(t *testing.T) {
	a := admission{halfOpen: 1, rate: 1000}
	for i := range 100_000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		g, err := a.admit(t.Context(), net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		a.release(g)
		if i%5000 == 0 {
			for _, p := range a.addrs {
				p.refilled = p.refilled.Add(-time.Second)
			}
		}
	}
	if n := len(a.addrs); n > 20_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// lines counts log lines.
type lines struct {
	mu sync.Mutex
	n  int
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += strings.Count(string(b), "\n")
	return len(b), nil
}

func TestRefusedConnsAreCountedAndLoggedBoundedly(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.HalfOpenPerAddr = 1
	log := new(lines)
	s.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	began := time.Now()
	const refused = 500
	var before *wire
	for range refused + 1 {
		w := dialTo(t, ln)
		w.expect(0)
		if before != nil { // has made room
			if b, _ := io.ReadAll(before); len(b) > 0 {
				t.Fatalf("a conn that made room was told %x", b)
			}
			before.Close()
		}
		before = w
	}
	if n := server.Stats().Refused[ErrHalfOpenPerAddr.Error()]; n != refused {
		t.Errorf("%d counted, want %d", n, refused)
	}
	seconds := int(time.Since(began)/time.Second) + 2
	eventually(t, "log lines", func() bool { return log.count() > 0 })
	if n := log.count(); n > throttle.LinesPerSecond*seconds {
		t.Errorf("%d lines in %d seconds", n, seconds)
	}
	before.Close()
	eventually(t, "count of all conns that were lost", func() bool { return server.Stats().Lost["transport"] == refused+1 })
}
