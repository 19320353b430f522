package peer

// Headers of proxies that are refused, or do not come.

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Headers that are not valid end their socket, are counted and logged, and are told to a
// side that speaks packetmq.
func TestProxyHeadersThatAreRefused(t *testing.T) {
	ca := newCA(t)
	init := string(codec.AppendFrame(nil, registry.IDInit, initMsg{version: 1}.append(nil)))
	for name, test := range map[string]struct {
		header string
		log    string
		told   Reason // over TCP and TLS; empty: nothing
	}{
		"packetmq":             {init, "no PROXY header", ReasonProxy},
		"TLS":                  {"\x16\x03\x01\x00\xc8\x01", "no PROXY header", ""},
		"HTTP":                 {"GET / HTTP/1.1\r\n\r\n", "no PROXY header", ""},
		"an address, no":       {"PROXY TCP4 somewhere 198.51.100.1 1 1\r\n", "is no address of TCP4", ""},
		"a long line":          {"PROXY TCP4 " + strings.Repeat("1", 200), "too long", ""},
		"a header of 64 KiB":   {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "too long", ""},
		"a command":            {proxyHeader2(0x2f, 0x11, ""), "version and command", ""},
		"cut off, then closed": {"PROXY TCP4 192.0", "unexpected EOF", ""},
	} {
		for _, entrance := range []string{"tcp", "tls", "served tls", "unix"} {
			t.Run(name+", "+entrance, func(t *testing.T) {
				s := newSide(false, 17, 18)
				log := behindProxy(s)
				s.cfg.TLS = ca.server(t)
				server := NewServer(s.reg, &s.cfg)
				run(t, server.Peer)
				at, err := entrances[entrance].open(t, server, s.cfg.TLS)
				if err != nil {
					t.Fatal(err)
				}
				nc := dialProxied(t, at, test.header, 1<<10, nil)
				nc.(interface{ CloseWrite() error }).CloseWrite()
				nc.SetDeadline(time.Now().Add(patience))
				told, err := io.ReadAll(nc)
				var want []byte
				if test.told != "" {
					want = codec.AppendFrame(nil, registry.IDSoftquit, softquitMsg{test.told}.append(nil))
				}
				if !bytes.Equal(told, want) || errors.Is(err, net.ErrClosed) {
					t.Errorf("it was told %q, %v; want %q", told, err, want)
				}
				eventually(t, "line with "+test.log, func() bool {
					return strings.Contains(log.String(), "PROXY header refused") && strings.Contains(log.String(), test.log)
				})
				if n := server.Stats().Refused[ErrProxyHeader.Error()]; n != 1 {
					t.Errorf("%d refusals were counted", n)
				}
				nothing(t, "event", s.events)
			})
		}
	}
}

// A header that is not complete in time ends its socket; the rest of the server goes on.
func TestProxyHeaderTimeout(t *testing.T) {
	for _, begun := range []string{"", "PROXY TCP4 ", ipv4Client[:20]} {
		s := newSide(false, 17, 18)
		log := behindProxy(s)
		s.cfg.Handshake = 50 * time.Millisecond
		server := NewServer(s.reg, &s.cfg)
		ln := open(t, server)
		nc := dialProxied(t, ln.Addr(), begun, 100, nil)
		if b, _ := io.ReadAll(nc); len(b) > 0 {
			t.Errorf("after %q it was told %x", begun, b)
		}
		eventually(t, "refusal", func() bool { return server.Stats().Refused[ErrProxyHeader.Error()] == 1 })
		eventually(t, "line", func() bool { return strings.Contains(log.String(), ErrHandshakeTimeout.Error()) })
	}
}

// A proxy that looks whether the server is there is no warning.
func TestProxyThatClosesWithoutAWord(t *testing.T) {
	s := newSide(false, 17, 18)
	log := behindProxy(s)
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	dialProxied(t, ln.Addr(), "", 1, nil).Close()
	eventually(t, "count", func() bool { return server.Stats().Refused[ErrProxyHeader.Error()] == 1 })
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}

// A client cannot choose its address: from elsewhere than the networks a header is a fault.
func TestProxyHeaderFromElsewhere(t *testing.T) {
	for name, set := range map[string]func(*side){
		"no network":    func(s *side) { s.cfg.ProxyFrom, s.cfg.ProxyFromUnix = nil, false },
		"other network": func(s *side) { s.cfg.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}} },
		"Unix only":     func(s *side) { s.cfg.ProxyFrom = nil },
	} {
		for version, header := range map[string]string{"version 1": proxyHeader(someClient), "version 2": ipv4Client} {
			t.Run(name+", "+version, func(t *testing.T) {
				s := newSide(false, 17, 18)
				behindProxy(s)
				set(s)
				ln := open(t, NewServer(s.reg, &s.cfg))
				nc := dialProxied(t, ln.Addr(), header, 100, nil)
				var size *codec.SizeError
				e := s.next(t, "lost")
				if !errors.As(e.reason, &size) || size.Protocol != "PROXY" {
					t.Errorf("lost because of %v", e.reason)
				}
				if a := e.conn.RemoteAddr().String(); a != nc.LocalAddr().String() || e.conn.ProxyAddr() != nil {
					t.Errorf("the conn is from %s", a)
				}
			})
		}
	}
}

// A second header is no header.
func TestTwoProxyHeaders(t *testing.T) {
	s := newSide(false, 17, 18)
	behindProxy(s)
	ln := open(t, NewServer(s.reg, &s.cfg))
	dialProxied(t, ln.Addr(), proxyHeader(someClient)+proxyHeader("192.0.2.99:1"), 1000, nil)
	var size *codec.SizeError
	e := s.next(t, "lost")
	if !errors.As(e.reason, &size) || size.Protocol != "PROXY" || e.conn.RemoteAddr().String() != someClient {
		t.Errorf("%v was lost because of %v", e.conn, e.reason)
	}
}
