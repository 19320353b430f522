package peer

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/throttle"
)

func tcpAddr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

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
		in   int
		err  error
	}{
		"in total":           {&admission{halfOpen: 5}, many(9, "10.0.0.%d:1"), 5, ErrHalfOpen},
		"half an address":    {&admission{halfOpen: 99}, many(50, "10.0.0.1:%d"), 32, ErrHalfOpenPerAddr},
		"half a /64":         {&admission{halfOpen: 99}, many(50, "[2001:db8::%x]:1"), 32, ErrHalfOpenPerAddr},
		"two /64s":           {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []string{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "[2001:db8:0:1::2]:1"}, 2, ErrHalfOpenPerAddr},
		"mapped":             {&admission{halfOpen: 99, halfOpenPerAddr: 1}, []string{"10.0.0.1:1", "[::ffff:10.0.0.1]:1"}, 1, ErrHalfOpenPerAddr},
		"loopback":           {&admission{halfOpen: 99}, many(50, "127.0.0.1:%d"), 50, nil},
		"loopback, when set": {&admission{halfOpen: 99, halfOpenPerAddr: 3}, many(50, "127.0.0.1:%d"), 3, ErrHalfOpenPerAddr},
		"an address":         {&admission{halfOpen: 99, perAddr: 2}, many(5, "10.0.0.1:%d"), 2, ErrPerAddr},
		"rate":               {&admission{halfOpen: 99, rate: 0.001}, many(5, "10.0.0.1:%d"), 1, ErrRate},
	} {
		t.Run(name, func(t *testing.T) {
			var in []*place
			var last error
			for _, from := range test.from {
				p, err := test.a.admit(tcpAddr(from))
				if err != nil {
					last = err
					continue
				}
				in = append(in, p)
			}
			if len(in) != test.in || last != test.err {
				t.Fatalf("%d were let in, then %v; want %d, then %v", len(in), last, test.in, test.err)
			}
			for _, p := range in {
				test.a.settled(p)
			}
			if test.a.half != 0 {
				t.Errorf("%d are half open with all settled", test.a.half)
			}
			for _, p := range in {
				test.a.left(p, false)
			}
			if test.a.rate == 0 && len(test.a.places) != 0 {
				t.Errorf("%d addresses are remembered with nobody there", len(test.a.places))
			}
			if _, err := test.a.admit(tcpAddr("10.9.9.9:1")); err != nil {
				t.Errorf("a newcomer after all left: %v", err)
			}
		})
	}
}

func TestAdmissionOfUnixSockets(t *testing.T) {
	a := admission{halfOpen: 3}
	for range 3 {
		if _, err := a.admit(&net.UnixAddr{Name: "@", Net: "unix"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.admit(&net.UnixAddr{}); err != ErrHalfOpen {
		t.Errorf("over the total: %v", err)
	}
}

// Addresses that came once are forgotten when their rate has recovered.
func TestAdmissionForgets(t *testing.T) {
	a := admission{halfOpen: 1, rate: 1000}
	for i := range 100_000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		p, err := a.admit(net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 1)))
		if err != nil {
			t.Fatal(err)
		}
		a.left(p, true)
		if i%5000 == 0 {
			for _, p := range a.places {
				p.at = p.at.Add(-time.Second)
			}
		}
	}
	if n := len(a.places); n > 20_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// lines counts log lines.
type lines struct {
	mu sync.Mutex
	n  int
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
	first := dialTo(t, ln)
	first.expect(0)
	began := time.Now()
	const refused = 500
	for range refused {
		w := dialTo(t, ln)
		if b, _ := io.ReadAll(w); len(b) > 0 {
			t.Fatalf("a conn over the limit was told %x", b)
		}
		w.Close()
	}
	if n := server.Stats().Refused[ErrHalfOpenPerAddr.Error()]; n != refused {
		t.Errorf("%d counted, want %d", n, refused)
	}
	seconds := int(time.Since(began)/time.Second) + 2
	if log.n > throttle.LinesPerSecond*seconds || log.n == 0 {
		t.Errorf("%d lines in %d seconds", log.n, seconds)
	}
	first.Close()
	s.next(t, "lost")
	eventually(t, "room", func() bool {
		w := dialTo(t, ln)
		f := w.recv()
		w.Close()
		return f != nil
	})
	if n := server.Stats().Lost["transport"]; n == 0 {
		t.Error("the lost conn was not counted")
	}
}
