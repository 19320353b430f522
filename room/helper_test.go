package room

// What tests of this package send between, and wait with.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// note is what the tests send.
type note struct{ N int }

var news = registry.Define[note]("test:news", 40)

// side is one peer of a test.
type side struct {
	reg *registry.Registry
	cfg peer.Config
}

func newSide(adapt bool) *side {
	s := &side{reg: registry.New()}
	if adapt {
		s.reg = registry.NewAdapting()
	}
	s.reg.MustAdd(news)
	return s
}

// world is a server and a client that are connected, each with its conn.
type world struct {
	server, client *peer.Peer
	atServer       *peer.Conn
	atClient       *peer.Conn
}

// transport makes the peers of a world and connects them once set up.
type transport func(t *testing.T, s, c *side, setUp func(w *world)) *world

// start runs a world's peers until the test ends.
func (w *world) start(t *testing.T, connect func(ctx context.Context) (*peer.Conn, error)) *world {
	t.Helper()
	for _, p := range []*peer.Peer{w.server, w.client} {
		if err := p.RunAsync(); err != nil && !errors.Is(err, engine.ErrRunning) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		w.client.Close()
		w.server.Close()
		for _, p := range []*peer.Peer{w.server, w.client} {
			if n := p.Reactor().Buffers().Out(); n != 0 {
				t.Errorf("%d buffers are left", n)
			}
		}
	})
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.atClient = c
	await.True(t, "the server's conn", func() bool {
		for c := range w.server.Conns() {
			w.atServer = c
		}
		return w.atServer != nil
	})
	return w
}

func overSocket(addr func(t *testing.T) string) transport {
	return func(t *testing.T, s, c *side, setUp func(w *world)) *world {
		server, client := peer.NewServer(s.reg, &s.cfg), peer.NewClient(c.reg, &c.cfg)
		w := &world{server: server.Peer, client: client.Peer}
		setUp(w)
		ln, err := server.Listen(addr(t))
		if err != nil {
			t.Fatal(err)
		}
		url := ln.Addr().Network() + "://" + ln.Addr().String()
		return w.start(t, func(ctx context.Context) (*peer.Conn, error) { return client.Connect(ctx, url) })
	}
}

// overTLS is TLS with a certificate of the server's own.
func overTLS(t *testing.T, s, c *side, setUp func(w *world)) *world {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
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
	s.cfg.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	c.cfg.TLS = &tls.Config{RootCAs: trusted}
	server, client := peer.NewServer(s.reg, &s.cfg), peer.NewClient(c.reg, &c.cfg)
	w := &world{server: server.Peer, client: client.Peer}
	setUp(w)
	ln, err := server.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return w.start(t, func(ctx context.Context) (*peer.Conn, error) {
		return client.Connect(ctx, "tls://"+ln.Addr().String())
	})
}

// polled is a transport whose callbacks run in Poll, on goroutines of the test's.
func polled(over transport) transport {
	return func(t *testing.T, s, c *side, setUp func(w *world)) *world {
		for _, side := range []*side{s, c} {
			side.cfg.Engine = &engine.Config{OnCaller: true}
		}
		return over(t, s, c, func(w *world) {
			setUp(w)
			for _, p := range []*peer.Peer{w.server, w.client} {
				go poll(p.Reactor())
			}
		})
	}
}

// poll is a main loop that does nothing but poll, until r is closed.
func poll(r *engine.Reactor) {
	closed := false
	defer func() {
		if !closed { // a callback has called Goexit
			go poll(r)
		}
	}()
	for !closed {
		_, err := r.Poll(context.Background())
		if err == nil {
			err = r.WaitDue(context.Background())
		}
		closed = err == engine.ErrClosed
	}
}

func overPipe(t *testing.T, s, c *side, setUp func(w *world)) *world {
	server, client := peer.NewServer(s.reg, &s.cfg), peer.NewClient(c.reg, &c.cfg)
	w := &world{server: server.Peer, client: client.Peer}
	setUp(w)
	return w.start(t, func(ctx context.Context) (*peer.Conn, error) {
		near, far := net.Pipe()
		if _, err := server.Inject(far); err != nil {
			return nil, err
		}
		return client.Inject(ctx, near)
	})
}

func overMemory(shared bool) transport {
	return func(t *testing.T, s, c *side, setUp func(w *world)) *world {
		server := peer.NewMemoryServer(s.reg, &s.cfg)
		if shared {
			c.cfg.Reactor = server.Reactor()
		}
		client := peer.NewMemoryClient(c.reg, &c.cfg)
		w := &world{server: server.Peer, client: client.Peer}
		setUp(w)
		return w.start(t, func(ctx context.Context) (*peer.Conn, error) { return client.Connect(ctx, server) })
	}
}

var transports = map[string]transport{
	"tcp":                  overSocket(func(*testing.T) string { return "127.0.0.1:0" }),
	"unix":                 overSocket(func(t *testing.T) string { return "unix://" + filepath.Join(t.TempDir(), "s") }),
	"tls":                  overTLS,
	"tcp, polled":          polled(overSocket(func(*testing.T) string { return "127.0.0.1:0" })),
	"net.Pipe":             overPipe,
	"memory, one reactor":  overMemory(true),
	"memory, two reactors": overMemory(false),
}

// everywhere runs a test over every transport. setUp gives the peers their handlers.
func everywhere(t *testing.T, setUp func(w *world), test func(t *testing.T, w *world)) {
	t.Helper()
	for name, make := range transports {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			test(t, make(t, newSide(false), newSide(true), setUp))
		})
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}
