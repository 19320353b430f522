package peer

// The bounds on conns, for clients behind a proxy and for proxies that are slow.

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// The bounds on one address hold for the clients of a proxy, one by one, and the log has
// their addresses.
func TestBoundsOnClientsOfAProxy(t *testing.T) {
	const one, other = "192.0.2.1:1", "192.0.2.2:1"
	for name, test := range map[string]struct {
		set   func(l *Limits)
		steps int // of the handshake that each conn does
		why   error
	}{
		"PerAddr":         {func(l *Limits) { l.PerAddr = 2 }, 3, ErrPerAddr},
		"HalfOpenPerAddr": {func(l *Limits) { l.HalfOpenPerAddr = 2 }, 1, ErrHalfOpenPerAddr},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			log := behindProxy(s)
			test.set(&s.cfg.Limits)
			server := NewServer(s.reg, &s.cfg)
			ln := open(t, server)
			allowed := max(s.cfg.PerAddr, s.cfg.HalfOpenPerAddr)
			enter := func(client string) *wire {
				w := wireOver(t, dialProxied(t, ln.Addr(), proxyHeader(client), 100, nil))
				w.shake(test.steps)
				return w
			}
			for range allowed {
				enter(one)
			}
			late := dialProxied(t, ln.Addr(), proxyHeader(one), 100, nil)
			eventually(t, "refusal", func() bool { return server.Stats().Refused[test.why.Error()] == 1 })
			eventually(t, "line with the address", func() bool {
				return strings.Contains(log.String(), "remote="+one) && strings.Contains(log.String(), test.why.Error())
			})
			if test.why != ErrHalfOpenPerAddr { // there it is the oldest that has to leave
				if b, _ := io.ReadAll(late); len(b) > 0 {
					t.Errorf("it was told %x", b)
				}
			}
			for range allowed {
				enter(other)
			}
			if n := server.Stats().Refused[test.why.Error()]; n != 1 {
				t.Errorf("%d were refused, want 1", n)
			}
		})
	}
}

// A rate is one of clients too.
func TestRateOfClientsOfAProxy(t *testing.T) {
	s := newSide(false, 17, 18)
	behindProxy(s)
	s.cfg.RatePerAddr = 1e-6
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	enter := func(client string) net.Conn { return dialProxied(t, ln.Addr(), proxyHeader(client), 100, nil) }
	wireOver(t, enter("192.0.2.1:1")).shake(3)
	if b, _ := io.ReadAll(enter("192.0.2.1:2")); len(b) > 0 {
		t.Errorf("it was told %x", b)
	}
	wireOver(t, enter("192.0.2.2:1")).shake(3)
	if n := server.Stats().Refused[ErrRate.Error()]; n != 1 {
		t.Errorf("%d were refused, want 1", n)
	}
}

// Sockets that wait for their header count as half open in total, and end with their listener.
func TestProxyHeadersThatDoNotComeAreBounded(t *testing.T) {
	const most, flood = 8, 30
	s := newSide(false, 17, 18)
	behindProxy(s)
	s.cfg.Handshake, s.cfg.HalfOpen, s.cfg.HalfOpenPerAddr = time.Hour, most, 1
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	ended := make(chan struct{}, flood)
	for range flood {
		nc := dialProxied(t, ln.Addr(), "PROXY ", 10, nil)
		go func() {
			io.ReadAll(nc)
			ended <- struct{}{}
		}()
	}
	for range flood - most {
		wait(t, "end of a socket that makes room", ended)
	}
	wireOver(t, dialProxied(t, ln.Addr(), proxyHeader(someClient), 100, nil)).shake(3)
	s.next(t, "made")
	if n := server.Stats().Refused[ErrHalfOpen.Error()]; n < flood-most {
		t.Errorf("%d had to make room, want %d", n, flood-most)
	}
	ln.Close()
	for range most - 1 { // one may have made room for the conn that was made
		wait(t, "end with the listener", ended)
	}
	eventually(t, "nobody is half open", func() bool {
		a := &server.admission
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.half.len() == 0
	})
	if n := server.Stats().Refused[ErrProxyHeader.Error()]; n != 0 {
		t.Errorf("%d were counted as refused that ended with the listener", n)
	}
}

// Headers that are waited for keep nobody else out: as many sockets as a listener brings to
// its loops at a time are less than these.
func TestSlowProxyHeadersKeepNobodyOut(t *testing.T) {
	const slow = 200
	for _, entrance := range []string{"tcp", "unix", "served tcp"} {
		t.Run(entrance, func(t *testing.T) {
			s := newSide(false, 17, 18)
			behindProxy(s)
			s.cfg.Handshake = time.Hour
			server := NewServer(s.reg, &s.cfg)
			run(t, server.Peer)
			at, err := entrances[entrance].open(t, server, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range slow {
				dialProxied(t, at, "PROXY ", 10, nil)
			}
			wireOver(t, dialProxied(t, at, proxyHeader(someClient), 100, nil)).shake(3)
			s.next(t, "made")
		})
	}
}
