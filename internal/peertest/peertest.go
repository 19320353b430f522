// Package peertest has what tests of packages that build on peer have in common: a server and
// a client that are connected, over each of the transports.
package peertest

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
	"github.com/packetmq/packetmq/websocket"
)

// Side is one peer of a test, before it is made.
type Side struct {
	Reg *registry.Registry
	Cfg peer.Config
}

// NewSide makes a side with some packets.
func NewSide(adapt bool, packets ...registry.Definition) *Side {
	s := &Side{Reg: registry.New()}
	if adapt {
		s.Reg = registry.NewAdapting()
	}
	s.Reg.MustAdd(packets...)
	return s
}

// World is a server and a client that are connected, each with its conn.
type World struct {
	Server, Client *peer.Peer
	AtServer       *peer.Conn
	AtClient       *peer.Conn

	// Connect makes one more conn of the client's to the server.
	Connect func(ctx context.Context) (*peer.Conn, error)
}

// Transport makes the peers of a world and connects them once set up.
type Transport func(t *testing.T, s, c *Side, setUp func(w *World)) *World

// start runs a world's peers until the test ends.
func (w *World) start(t *testing.T, connect func(ctx context.Context) (*peer.Conn, error)) *World {
	t.Helper()
	w.Connect = connect
	for _, p := range []*peer.Peer{w.Server, w.Client} {
		if err := p.RunAsync(); err != nil && !errors.Is(err, engine.ErrRunning) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		w.Client.Close()
		w.Server.Close()
		for _, p := range []*peer.Peer{w.Server, w.Client} {
			// A goroutine that has sent something last may not have returned from that yet.
			await.True(t, "all buffers are back", func() bool { return p.Reactor().Buffers().Out() == 0 })
		}
	})
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.AtClient = c
	await.True(t, "the server's conn", func() bool {
		for c := range w.Server.Conns() {
			w.AtServer = c
		}
		return w.AtServer != nil
	})
	return w
}

// OverTCP is a TCP socket of the machine's own.
func OverTCP(t *testing.T, s, c *Side, setUp func(w *World)) *World {
	return overSocket(func(*testing.T) string { return "127.0.0.1:0" })(t, s, c, setUp)
}

func overSocket(addr func(t *testing.T) string) Transport {
	return func(t *testing.T, s, c *Side, setUp func(w *World)) *World {
		server, client := peer.NewServer(s.Reg, &s.Cfg), peer.NewClient(c.Reg, &c.Cfg)
		w := &World{Server: server.Peer, Client: client.Peer}
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
func overTLS(t *testing.T, s, c *Side, setUp func(w *World)) *World {
	withCertificate(t, s, c)
	server, client := peer.NewServer(s.Reg, &s.Cfg), peer.NewClient(c.Reg, &c.Cfg)
	w := &World{Server: server.Peer, Client: client.Peer}
	setUp(w)
	ln, err := server.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return w.start(t, func(ctx context.Context) (*peer.Conn, error) {
		return client.Connect(ctx, "tls://"+ln.Addr().String())
	})
}

// overWebSocket is WebSocket at a listener of one scheme, by a client of another.
func overWebSocket(listen, connect string) Transport {
	return func(t *testing.T, s, c *Side, setUp func(w *World)) *World {
		withCertificate(t, s, c)
		server, client := peer.NewServer(s.Reg, &s.Cfg), peer.NewClient(c.Reg, &c.Cfg)
		for _, h := range []peer.SocketHost{server, client} {
			if err := websocket.Enable(h, nil); err != nil {
				t.Fatal(err)
			}
		}
		w := &World{Server: server.Peer, Client: client.Peer}
		setUp(w)
		ln, err := server.Listen(listen + "://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return w.start(t, func(ctx context.Context) (*peer.Conn, error) {
			return client.Connect(ctx, connect+"://"+ln.Addr().String()+"/path")
		})
	}
}

// withCertificate gives the server a certificate of its own, which the client trusts.
func withCertificate(t *testing.T, s, c *Side) {
	t.Helper()
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
	s.Cfg.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	c.Cfg.TLS = &tls.Config{RootCAs: trusted}
}

// polled is a transport whose callbacks run in Poll, on goroutines of the test's.
func polled(over Transport) Transport {
	return func(t *testing.T, s, c *Side, setUp func(w *World)) *World {
		for _, side := range []*Side{s, c} {
			side.Cfg.Engine = &engine.Config{OnCaller: true}
		}
		return over(t, s, c, func(w *World) {
			setUp(w)
			for _, p := range []*peer.Peer{w.Server, w.Client} {
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

func overPipe(t *testing.T, s, c *Side, setUp func(w *World)) *World {
	server, client := peer.NewServer(s.Reg, &s.Cfg), peer.NewClient(c.Reg, &c.Cfg)
	w := &World{Server: server.Peer, Client: client.Peer}
	setUp(w)
	return w.start(t, func(ctx context.Context) (*peer.Conn, error) {
		near, far := net.Pipe()
		if _, err := server.Inject(far); err != nil {
			return nil, err
		}
		return client.Inject(ctx, near)
	})
}

// OverMemory is a pair in memory. Shared says that both sides have one reactor.
func OverMemory(shared bool) Transport {
	return func(t *testing.T, s, c *Side, setUp func(w *World)) *World {
		server := peer.NewMemoryServer(s.Reg, &s.Cfg)
		if shared {
			c.Cfg.Reactor = server.Reactor()
		}
		client := peer.NewMemoryClient(c.Reg, &c.Cfg)
		w := &World{Server: server.Peer, Client: client.Peer}
		setUp(w)
		return w.start(t, func(ctx context.Context) (*peer.Conn, error) { return client.Connect(ctx, server) })
	}
}

// transports are all that a world can be over.
func transports() map[string]Transport {
	return map[string]Transport{
		"tcp":                  OverTCP,
		"unix":                 overSocket(func(t *testing.T) string { return "unix://" + filepath.Join(t.TempDir(), "s") }),
		"tls":                  overTLS,
		"ws":                   overWebSocket("ws", "ws"),
		"wss":                  overWebSocket("wss", "wss"),
		"ws at any":            overWebSocket("any", "ws"),
		"wss at any":           overWebSocket("any", "wss"),
		"tcp, polled":          polled(OverTCP),
		"ws, polled":           polled(overWebSocket("ws", "ws")),
		"net.Pipe":             overPipe,
		"memory, one reactor":  OverMemory(true),
		"memory, two reactors": OverMemory(false),
	}
}

// Everywhere runs a test over every transport, with a side that insists on its ids and one
// that adapts. setUp gives the peers their handlers.
func Everywhere(t *testing.T, newSide func(adapt bool) *Side, setUp func(w *World), test func(t *testing.T, w *World)) {
	t.Helper()
	for name, over := range transports() {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			test(t, over(t, newSide(false), newSide(true), setUp))
		})
	}
}
