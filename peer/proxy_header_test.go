package peer

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// proxyHeader is a header of version 1 for a client at this address and port.
func proxyHeader(client string) string {
	a := netip.MustParseAddrPort(client)
	family, own := "TCP4", "198.51.100.1"
	if a.Addr().Is6() {
		family, own = "TCP6", "2001:db8::1"
	}
	return strings.Join([]string{"PROXY", family, a.Addr().String(), own, client[strings.LastIndexByte(client, ':')+1:], "443"}, " ") + "\r\n"
}

// proxyHeader2 is one of version 2, with the bytes v and f and this body.
func proxyHeader2(v, f byte, body string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{v, f, byte(len(body) >> 8), byte(len(body))}) + body
}

const (
	unknownClient = "PROXY UNKNOWN\r\n"
	someClient    = "192.0.2.1:40000"
)

// ipv4Client is someClient as a header of version 2.
var ipv4Client = proxyHeader2(0x21, 0x11, "\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x01\xbb")

// behindProxy has all conns of a side come from a proxy, and what it logs kept.
func behindProxy(s *side) *logbook {
	log := new(logbook)
	s.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	s.cfg.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s.cfg.ProxyFromUnix = true
	return log
}

// hiddenSocket accepts conns that are not known to be sockets.
type hiddenSocket struct{ net.Listener }

func (l hiddenSocket) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return struct{ net.Conn }{nc}, err
}

// entrances are the ways in which a conn can come from a proxy. open has the server listen,
// and returns where.
var entrances = map[string]struct {
	tls  bool
	unix bool
	open func(t *testing.T, server *Server, cert *tls.Config) (net.Addr, error)
}{
	"tcp":  {open: listenAt("tcp://127.0.0.1:0")},
	"tls":  {open: listenAt("tls://127.0.0.1:0"), tls: true},
	"unix": {open: listenAt("unix://"), unix: true},
	"served tcp": {open: func(t *testing.T, server *Server, _ *tls.Config) (net.Addr, error) {
		return serveAt(t, server, func(ln net.Listener) net.Listener { return ln })
	}},
	"served tls": {tls: true, open: func(t *testing.T, server *Server, cert *tls.Config) (net.Addr, error) {
		return serveAt(t, server, func(ln net.Listener) net.Listener { return tlsListener(ln, cert) })
	}},
	"served, no socket": {open: func(t *testing.T, server *Server, _ *tls.Config) (net.Addr, error) {
		return serveAt(t, server, func(ln net.Listener) net.Listener { return hiddenSocket{ln} })
	}},
}

func listenAt(addr string) func(*testing.T, *Server, *tls.Config) (net.Addr, error) {
	return func(t *testing.T, server *Server, _ *tls.Config) (net.Addr, error) {
		at := addr
		if addr == "unix://" {
			at += filepath.Join(t.TempDir(), "s")
		}
		ln, err := server.Listen(at)
		if err != nil {
			return nil, err
		}
		return ln.Addr(), nil
	}
}

func serveAt(t *testing.T, server *Server, over func(net.Listener) net.Listener) (net.Addr, error) {
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Serve(over(own))
	return own.Addr(), err
}

// dialProxied dials, writes a header in pieces of this many bytes, and speaks TLS after it if
// cfg is not nil.
func dialProxied(t *testing.T, a net.Addr, header string, pieces int, cfg *tls.Config) net.Conn {
	t.Helper()
	nc, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	for b := []byte(header); len(b) > 0; {
		n := min(pieces, len(b))
		if _, err := nc.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	if cfg == nil {
		return nc
	}
	cfg = cfg.Clone()
	cfg.ServerName = "server.test"
	return tls.Client(nc, cfg)
}

// Whatever way a conn comes, it is its client's for the program: to Authenticate, OnOpen and
// OnMade, and what follows the header is the conn's.
func TestClientsOfAProxy(t *testing.T) {
	ca := newCA(t)
	for name, entrance := range entrances {
		for version, header := range map[string]string{"version 1": proxyHeader(someClient), "version 2": ipv4Client} {
			t.Run(name+", "+version, func(t *testing.T) {
				s, c := newSide(false, 17, 18), newSide(true, 40, 41)
				behindProxy(s)
				s.cfg.TLS = ca.server(t)
				addrs := make(chan string, 3)
				s.cfg.OnOpen = func(c *Conn) { addrs <- c.RemoteAddr().String() }
				s.cfg.Authenticate = func(c *Conn, cred Credentials) error {
					addrs <- c.RemoteAddr().String()
					if cred.Unix != nil {
						t.Error("Authenticate was shown the proxy's credentials")
					}
					return nil
				}
				server := NewServer(s.reg, &s.cfg)
				run(t, server.Peer)
				at, err := entrance.open(t, server, s.cfg.TLS)
				if err != nil {
					t.Fatal(err)
				}
				pings := inbox(t, server, s.ping, 1)
				client := NewClient(c.reg, &c.cfg)
				run(t, client.Peer)
				var cfg *tls.Config
				if entrance.tls {
					cfg = ca.client(t)
				}
				nc := dialProxied(t, at, header, 1, cfg)
				cc, err := client.Inject(t.Context(), nc)
				if err != nil {
					t.Fatal(err)
				}
				sc := s.next(t, "made").conn
				for range 2 {
					if a := wait(t, "address", addrs); a != someClient {
						t.Errorf("a callback was shown %s", a)
					}
				}
				if a := sc.RemoteAddr().String(); a != someClient {
					t.Errorf("the conn is from %s", a)
				}
				if a := sc.ProxyAddr(); a == nil || !entrance.unix && a.String() != nc.LocalAddr().String() {
					t.Errorf("the proxy is %v, want %v", a, nc.LocalAddr())
				}
				if (sc.TLS() != nil) != entrance.tls || sc.UnixCred() != nil {
					t.Errorf("TLS %v, Unix credentials %v", sc.TLS(), sc.UnixCred())
				}
				if err := Send(cc, c.ping, &note{7, "after"}); err != nil {
					t.Fatal(err)
				}
				if got := wait(t, "ping", pings); got.N != 7 {
					t.Errorf("got %v", got)
				}
			})
		}
	}
}

// A header may come with what follows it in one segment.
func TestProxyHeaderWithPacketsInOneSegment(t *testing.T) {
	for name, header := range map[string]string{"version 1": proxyHeader(someClient), "version 2": ipv4Client} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			behindProxy(s)
			s.cfg.SkipHandshake = true
			server := NewServer(s.reg, &s.cfg)
			pings := inbox(t, server, s.ping, 2)
			ln := open(t, server)
			payload := []byte("\x82\xa1n\x01\xa4text\xa1x")
			b := codec.AppendFrame([]byte(header), 17, payload)
			b = codec.AppendFrame(b, 17, payload)
			dialProxied(t, ln.Addr(), string(b), len(b), nil)
			for range 2 {
				if got := wait(t, "ping", pings); got.N != 1 || got.Text != "x" {
					t.Errorf("got %v", got)
				}
			}
		})
	}
}

// What says nothing of the client leaves a conn the address of its socket, and counts it for
// no address.
func TestConnsOfTheProxyItself(t *testing.T) {
	for name, header := range map[string]string{
		"UNKNOWN":              unknownClient,
		"UNKNOWN with address": "PROXY UNKNOWN 192.0.2.1 198.51.100.1 40000 443\r\n",
		"LOCAL":                proxyHeader2(0x20, 0x11, ipv4Client[16:]),
		"not specified":        proxyHeader2(0x21, 0x00, ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			behindProxy(s)
			s.cfg.PerAddr = 1
			ln := open(t, NewServer(s.reg, &s.cfg))
			for range 3 {
				w := wireOver(t, dialProxied(t, ln.Addr(), header, 100, nil))
				w.shake(3)
				c := s.next(t, "made").conn
				if c.RemoteAddr().String() != w.LocalAddr().String() || c.ProxyAddr() != nil {
					t.Errorf("the conn is from %v, through %v", c.RemoteAddr(), c.ProxyAddr())
				}
			}
		})
	}
}

// A client at a Unix socket of the proxy's has that address.
func TestUnixClientOfAProxy(t *testing.T) {
	s := newSide(false, 17, 18)
	behindProxy(s)
	ln := open(t, NewServer(s.reg, &s.cfg))
	names := make([]byte, 216)
	copy(names, "/run/client")
	wireOver(t, dialProxied(t, ln.Addr(), proxyHeader2(0x21, 0x31, string(names)), 100, nil)).shake(3)
	if a := s.next(t, "made").conn.RemoteAddr(); a.Network() != "unix" || a.String() != "/run/client" {
		t.Errorf("the conn is from %v", a)
	}
}

// Which sockets come from a proxy.
func TestNetworksOfProxies(t *testing.T) {
	tcp := func(a string) net.Addr { return tcpAddr(a) }
	for name, test := range map[string]struct {
		networks string
		unix     bool
		from     net.Addr
		is       bool
	}{
		"IPv4":                     {"10.0.0.0/8", false, tcp("10.1.2.3:4"), true},
		"IPv4, another":            {"10.0.0.0/8", false, tcp("11.1.2.3:4"), false},
		"mapped":                   {"10.0.0.0/8", false, tcp("[::ffff:10.1.2.3]:4"), true},
		"network of mapped":        {"::ffff:10.0.0.0/104", false, tcp("10.1.2.3:4"), true},
		"network of mapped, not":   {"::ffff:10.0.0.0/104", false, tcp("11.1.2.3:4"), false},
		"second":                   {"10.0.0.0/8 2001:db8::/32", false, tcp("[2001:db8::7]:4"), true},
		"all of IPv6 but not IPv4": {"::/0", false, tcp("10.1.2.3:4"), false},
		"zone":                     {"fe80::/10", false, tcp("[fe80::1%eth0]:4"), true},
		"none":                     {"", false, tcp("10.1.2.3:4"), false},
		"Unix":                     {"0.0.0.0/0 ::/0", true, &net.UnixAddr{}, true},
		"Unix, not set":            {"0.0.0.0/0 ::/0", false, &net.UnixAddr{}, false},
		"TCP with Unix set":        {"", true, tcp("127.0.0.1:4"), false},
		"another kind":             {"0.0.0.0/0 ::/0", true, &net.UDPAddr{}, false},
		"no address":               {"0.0.0.0/0 ::/0", true, nil, false},
		"an empty one":             {"0.0.0.0/0 ::/0", true, &net.TCPAddr{}, false},
	} {
		var cfg Config
		cfg.ProxyFromUnix = test.unix
		cfg.ProxyFrom = append(cfg.ProxyFrom, netip.Prefix{}) // one that is not valid
		for n := range strings.FieldsSeq(test.networks) {
			cfg.ProxyFrom = append(cfg.ProxyFrom, netip.MustParsePrefix(n))
		}
		p := &Peer{cfg: cfg}
		if got := p.isProxy(test.from); got != test.is {
			t.Errorf("%s: %v", name, got)
		}
	}
}
