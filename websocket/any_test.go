package websocket

// any://, TLS, PROXY headers and net/http: what lies below and beside.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// certificate makes one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: trusted}
}

// client makes a client whose notes come out of the channel.
func client(t *testing.T, cfg *Config, setUp func(*peer.Config)) (*peer.Client, <-chan note) {
	t.Helper()
	var pc peer.Config
	if setUp != nil {
		setUp(&pc)
	}
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	c := peer.NewClient(reg, &pc)
	notes := make(chan note, 1000)
	peer.Handle(c, noted, func(_ *peer.Conn, v *note) error { notes <- *v; return nil })
	if err := Enable(c, cfg); err != nil {
		t.Fatal(err)
	}
	if err := c.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		await.True(t, "all buffers are back", func() bool { return c.Reactor().Buffers().Out() == 0 })
	})
	return c, notes
}

func TestOnePortTakesAll(t *testing.T) {
	forServer, forClient := certificate(t)
	s := serve(t, "any", nil, func(c *peer.Config) { c.TLS = forServer })
	cli, notes := client(t, nil, func(c *peer.Config) { c.TLS = forClient })
	for _, scheme := range []string{"tcp", "tls", "ws", "wss"} {
		c, err := cli.Connect(t.Context(), scheme+"://"+s.addr)
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if hasTLS := next(t, "conn", s.made).TLS() != nil; hasTLS != (scheme == "tls" || scheme == "wss") {
			t.Errorf("%s: TLS is %v at the server", scheme, hasTLS)
		}
		for i := range 3 {
			if err := peer.Send(c, noted, &note{i, make([]byte, 50000*i)}); err != nil {
				t.Fatal(err)
			}
			if v := next(t, "note", notes); v.N != i || len(v.Body) != 50000*i {
				t.Errorf("%s: note %d with %d bytes", scheme, v.N, len(v.Body))
			}
		}
		c.Close()
		if e := next(t, "end", s.lost); e.reason != error(peer.ReasonGeneric) {
			t.Errorf("%s: OnLost was told %v", scheme, e.reason)
		}
	}
}

func TestAnyWithoutACertificateTakesNoTLS(t *testing.T) {
	_, forClient := certificate(t)
	s := serve(t, "any", nil, nil)
	cli, _ := client(t, nil, func(c *peer.Config) { c.TLS = forClient })
	if _, err := cli.Connect(t.Context(), "ws://"+s.addr); err != nil {
		t.Errorf("ws: %v", err)
	}
	if _, err := cli.Connect(t.Context(), "wss://"+s.addr); !errors.Is(err, peer.ErrTLS) {
		t.Errorf("wss: %v, want %v", err, peer.ErrTLS)
	}
}

func TestSilenceAtAnyIsEnded(t *testing.T) {
	s := serve(t, "any", nil, func(c *peer.Config) { c.Handshake = 200 * time.Millisecond })
	c := s.dial(t)
	c.ended()
	await.True(t, "it is counted", func() bool { return s.refusals(peer.ErrScheme) == 1 })
}

func TestAmbiguousMaxFrameIsRefused(t *testing.T) {
	srv := peer.NewServer(registry.New(), &peer.Config{Limits: peer.Limits{MaxFrame: peer.MaxFrameAny + 1}})
	defer srv.Close()
	if _, err := srv.Listen("any://127.0.0.1:0"); !errors.Is(err, peer.ErrAmbiguous) {
		t.Errorf("got %v, want %v", err, peer.ErrAmbiguous)
	}
}

func TestEnableTwice(t *testing.T) {
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	if err := Enable(srv, nil); err != nil {
		t.Fatal(err)
	}
	if err := Enable(srv, nil); !errors.Is(err, peer.ErrSchemeName) {
		t.Errorf("got %v, want %v", err, peer.ErrSchemeName)
	}
	if err := Enable(nil, nil); err == nil {
		t.Error("a nil peer is taken")
	}
}

// The PROXY header comes first, at every address. X-Forwarded-For is a field like any other.
func TestProxyHeaders(t *testing.T) {
	for _, scheme := range []string{"ws", "any"} {
		t.Run(scheme, func(t *testing.T) {
			s := serve(t, scheme, nil, func(c *peer.Config) {
				c.SkipHandshake = true
				c.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			})
			c := s.dial(t)
			c.write([]byte("PROXY TCP4 203.0.113.7 127.0.0.1 4242 80\r\n"))
			if resp := c.upgrade("X-Forwarded-For: 198.51.100.1"); resp.StatusCode != 101 {
				t.Fatalf("status %d", resp.StatusCode)
			}
			if got := next(t, "conn", s.made).RemoteAddr().String(); got != "203.0.113.7:4242" {
				t.Errorf("RemoteAddr is %s", got)
			}
			c.wantEcho(1)
		})
	}
}

func TestForwardedForIsNotBelieved(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.dial(t)
	c.upgrade("X-Forwarded-For: 198.51.100.1")
	if got := next(t, "conn", s.made).RemoteAddr(); got.String() != c.LocalAddr().String() {
		t.Errorf("RemoteAddr is %v, want %v", got, c.LocalAddr())
	}
}

// mount has a net/http server serve ws at /game.
func mount(t *testing.T, s *server, cfg *Config, withTLS bool) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/game", Handler(s.Server, cfg))
	hs := httptest.NewUnstartedServer(mux)
	if withTLS {
		hs.StartTLS()
	} else {
		hs.Start()
	}
	t.Cleanup(hs.Close)
	return hs
}

func TestHandler(t *testing.T) {
	for _, withTLS := range []bool{false, true} {
		name := map[bool]string{false: "ws", true: "wss"}[withTLS]
		t.Run(name, func(t *testing.T) {
			s := serve(t, "ws", nil, nil)
			hs := mount(t, s, nil, withTLS)
			cli, notes := client(t, nil, func(c *peer.Config) {
				if withTLS {
					c.TLS = hs.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
					c.TLS.NextProtos = nil
				}
			})
			url := name + "://" + strings.TrimPrefix(strings.TrimPrefix(hs.URL, "http://"), "https://")
			c, err := cli.Connect(t.Context(), url+"/game")
			if err != nil {
				t.Fatal(err)
			}
			peer.Send(c, noted, &note{7, nil})
			if v := next(t, "note", notes); v.N != 7 {
				t.Errorf("note %d", v.N)
			}
			var refused *UpgradeError
			if _, err := cli.Connect(t.Context(), url+"/other"); !errors.As(err, &refused) || refused.Status != 404 {
				t.Errorf("at another path: %v", err)
			}
			cli.Close()
			next(t, "end", s.lost)
		})
	}
}

// What a client sends right after its request is not lost.
func TestHandlerKeepsWhatCameEarly(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	hs := mount(t, s, nil, false)
	s.addr = hs.Listener.Addr().String()
	c := s.dial(t)
	p := packet(t, 1, "too early, and yet")
	b := append([]byte(request("server.example.com", "GET /game HTTP/1.1")), binaryMessage(p)[:20]...)
	c.write(b)
	if resp := c.answer(); resp.StatusCode != 101 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	c.write(binaryMessage(p)[20:])
	if got := c.readStream(len(p)); string(got) != string(p) {
		t.Errorf("got %x, want %x", got, p)
	}
}

func TestHandlerRefuses(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	hs := mount(t, s, &Config{Origins: []string{"https://example.org"}}, false)
	s.addr = hs.Listener.Addr().String()
	for _, test := range []struct {
		change []string
		status int
	}{
		{[]string{"GET /game HTTP/1.1", "Origin: https://evil.example"}, 403},
		{[]string{"GET /game HTTP/1.1", "Upgrade:"}, 426},
		{[]string{"POST /game HTTP/1.1"}, 405},
		{[]string{"GET /game HTTP/1.1", "Origin: https://example.org"}, 101},
	} {
		if resp := s.dial(t).upgrade(test.change...); resp.StatusCode != test.status {
			t.Errorf("%v: status %d, want %d", test.change, resp.StatusCode, test.status)
		}
	}
}

// A closed server takes nothing over.
func TestHandlerOfAClosedServer(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	hs := mount(t, s, nil, false)
	s.Close()
	nc, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, request("x", "GET /game HTTP/1.1"))
	nc.SetDeadline(time.Now().Add(patience))
	if b, err := bufio.NewReader(nc).ReadByte(); err == nil {
		t.Errorf("got %q", b)
	}
}

func TestHTTP2IsNoUpgrade(t *testing.T) {
	w := httptest.NewRecorder()
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	r := httptest.NewRequestWithContext(context.Background(), "GET", "/", nil)
	r.ProtoMajor, r.ProtoMinor = 2, 0
	Handler(srv, nil).ServeHTTP(w, r)
	if w.Code != 505 {
		t.Errorf("status %d", w.Code)
	}
}
