package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cmd/packetmq/testdata/chat"
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// execute runs a command line to its end.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return executeWith(t.Context(), "", args...)
}

func executeWith(ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = program{}.Run(ctx, args, command.IO{In: strings.NewReader(stdin), Out: &out, Err: &err})
	return code, out.String(), err.String()
}

// newServer runs a server of package chat until the test ends. cfg may be nil.
func newServer(t *testing.T, reg *registry.Registry, cfg *peer.Config) *peer.Server {
	t.Helper()
	leak.Check(t)
	reg.MustAdd(chat.Say, chat.Said)
	reg.MustAdd(chat.Buy.Packets()...)
	srv := peer.NewServer(reg, cfg)
	t.Cleanup(func() { srv.Close() })
	if err := websocket.Enable(srv, nil); err != nil {
		t.Fatal(err)
	}
	peer.Handle(srv, chat.Say, func(c *peer.Conn, l *chat.Line) error {
		l.Count++
		return peer.Reply(c, chat.Said, l)
	})
	call.Handle(srv, chat.Buy, func(_ *call.Context, o *chat.Order) (*chat.Receipt, error) {
		switch o.Item {
		case "gold":
			return nil, chat.Poor.With(chat.Short{Of: 7})
		case "air":
			return nil, call.Errorf("there is none")
		case "bomb":
			return nil, errors.New("not to be told")
		}
		return &chat.Receipt{Total: 3}, nil
	})
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	return srv
}

// listen has srv listen on an address whose port is 0, and returns where that is.
func listen(t *testing.T, srv *peer.Server, addr string) string {
	t.Helper()
	ln, err := srv.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	scheme, _, _ := strings.Cut(addr, "://")
	if scheme == "unix" {
		return addr
	}
	return scheme + "://" + ln.Addr().String()
}

// certificate makes a certificate of its own for 127.0.0.1, and a file with it.
func certificate(t *testing.T) (cfg *tls.Config, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, caFile
}

// newConsole serves the console of a server, at which everybody may act, and returns where.
func newConsole(t *testing.T, srv *peer.Server) (addr string) {
	t.Helper()
	hs := httptest.NewServer(inspect.Handler(srv, inspect.Config{
		Authorise: func(r *http.Request) error {
			if r.Header.Get("X-Who") == "nobody" {
				return errors.New("no")
			}
			return nil
		},
		Timing: true,
	}))
	t.Cleanup(hs.Close)
	return hs.URL
}

// newClient connects a client of package chat until the test ends.
func newClient(t *testing.T, addr string) *peer.Conn {
	t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(chat.Say, chat.Said)
	reg.MustAdd(chat.Buy.Packets()...)
	cli := peer.NewClient(reg, nil)
	t.Cleanup(func() { cli.Close() })
	peer.Handle(cli, chat.Said, func(*peer.Conn, *chat.Line) error { return nil })
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	c, err := cli.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// atServer is the number that a server has for its only conn.
func atServer(t *testing.T, srv *peer.Server) (id uint64) {
	t.Helper()
	await.True(t, "the server's conn", func() bool {
		for c := range srv.Conns() {
			id = c.ID()
		}
		return id > 0
	})
	return id
}

// lines is a Writer that hands over what is written line by line.
type lines struct {
	ch   chan string
	rest string
}

func newLines() *lines { return &lines{ch: make(chan string, 1000)} }

func (l *lines) Write(b []byte) (int, error) {
	text := l.rest + string(b)
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			l.rest = text
			return len(b), nil
		}
		l.ch <- line
		text = rest
	}
}
