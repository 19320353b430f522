package peer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newCA(t *testing.T) *authority {
	t.Helper()
	ca := &authority{key: newKey(t), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.pool.AddCert(ca.cert)
	return ca
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate for name, which is valid for 127.0.0.1 too.
func (ca *authority) sign(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server is for a server that verifies the certificates it is shown.
func (ca *authority) server(t *testing.T) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{ca.sign(t, "server.test")},
		ClientCAs:    ca.pool,
		ClientAuth:   tls.VerifyClientCertIfGiven,
	}
}

// client is for a client with a certificate.
func (ca *authority) client(t *testing.T) *tls.Config {
	return &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.sign(t, "client.test")}}
}

// save writes a certificate and its key to files.
func save(t *testing.T, cert tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// logbook collects what a peer logs.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// tlsWorld is a listening server and a client, and what the server logs.
type tlsWorld struct {
	*world
	addr string // of the listener, without tls://
	log  *logbook
}

func newTLSWorld(t *testing.T, server, client *tls.Config, setUp func(s, c *side)) *tlsWorld {
	t.Helper()
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	log := new(logbook)
	s.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	s.cfg.TLS, c.cfg.TLS = server, client
	if setUp != nil {
		setUp(s, c)
	}
	w := &tlsWorld{&world{s: s, c: c, server: NewServer(s.reg, &s.cfg), client: NewClient(c.reg, &c.cfg).Peer}, "", log}
	ln, err := w.server.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	w.start(t)
	return w
}

func (w *tlsWorld) dial(t *testing.T, addr string) (*Conn, error) {
	return (&Client{w.client}).Connect(t.Context(), addr)
}

func TestTLSState(t *testing.T) {
	ca := newCA(t)
	w := newTLSWorld(t, ca.server(t), ca.client(t), nil)
	cc, err := w.dial(t, "tls://"+w.addr)
	if err != nil {
		t.Fatal(err)
	}
	sc := w.s.next(t, "made").conn
	if cs := sc.TLS(); cs == nil || cs.NegotiatedProtocol != ALPN || cs.PeerCertificates[0].Subject.CommonName != "client.test" {
		t.Errorf("the server has %+v", cs)
	}
	if cs := cc.TLS(); cs == nil || cs.NegotiatedProtocol != ALPN || cs.PeerCertificates[0].Subject.CommonName != "server.test" {
		t.Errorf("the client has %+v", cs)
	}
	if cc.UnixCred() != nil {
		t.Error("a Unix socket's credentials on a TLS conn")
	}
}

func TestTLSHandshakesThatFail(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	ask := func(cfg *tls.Config) *tls.Config {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
		return cfg
	}
	for name, test := range map[string]struct {
		server, client *tls.Config
		err            string // of Connect
		log            string // of the server
	}{
		"no client certificate": {ask(ca.server(t)), &tls.Config{RootCAs: ca.pool},
			"certificate required", "client didn't provide a certificate"},
		"no client certificate, TLS 1.2": {ask(ca.server(t)), &tls.Config{RootCAs: ca.pool, MaxVersion: tls.VersionTLS12},
			"handshake failure", "client didn't provide a certificate"},
		"wrong client certificate": {ask(ca.server(t)), &tls.Config{RootCAs: ca.pool,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				cert := other.sign(t, "client.test")
				return &cert, nil
			}}, "unknown certificate authority", "signed by unknown authority"},
		"wrong server name": {ca.server(t), &tls.Config{RootCAs: ca.pool, ServerName: "elsewhere.test"},
			"certificate is valid for server.test", "bad certificate"},
		"unknown server": {ca.server(t), &tls.Config{RootCAs: other.pool},
			"signed by unknown authority", "bad certificate"},
		"ALPN mismatch": {ca.server(t), &tls.Config{RootCAs: ca.pool, NextProtos: []string{"h2"}},
			"no application protocol", "client requested unsupported application protocols"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTLSWorld(t, test.server, test.client, nil)
			_, err := w.dial(t, "tls://"+w.addr)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("Connect returned %v", err)
			}
			eventually(t, "line in the log with "+test.log, func() bool { return strings.Contains(w.log.String(), test.log) })
			if n := w.server.Stats().Refused[ErrTLS.Error()]; n != 1 {
				t.Errorf("%d refusals were counted", n)
			}
			nothing(t, "event at the server", w.s.events)
		})
	}
}

// A server name verifies; so does a client that names no protocol.
func TestTLSNamesThatFit(t *testing.T) {
	ca := newCA(t)
	w := newTLSWorld(t, ca.server(t), &tls.Config{RootCAs: ca.pool, ServerName: "server.test"}, nil)
	if _, err := w.dial(t, "tls://"+w.addr); err != nil {
		t.Error(err)
	}
	tc, err := tls.Dial("tcp", w.addr, &tls.Config{RootCAs: ca.pool})
	if err != nil {
		t.Fatal(err)
	}
	wireOver(t, tc).shakeWith(initMsg{version: 1})
}

func TestPlainClientAtATLSPort(t *testing.T) {
	w := newTLSWorld(t, newCA(t).server(t), nil, nil)
	_, err := w.dial(t, w.addr)
	if !errors.Is(err, ReasonTLS) {
		t.Errorf("Connect returned %v", err)
	}
	if e := w.c.next(t, "lost"); e.reason != ReasonTLS {
		t.Errorf("lost because of %v", e.reason)
	}
	eventually(t, "line in the log", func() bool { return strings.Contains(w.log.String(), ErrNotTLS.Error()) })
}

func TestTLSClientAtAPlainPort(t *testing.T) {
	w := newTLSWorld(t, newCA(t).server(t), nil, nil)
	ln, err := w.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.dial(t, "tls://"+ln.Addr().String()); !errors.Is(err, ErrNotTLS) || !errors.Is(err, ErrTLS) {
		t.Errorf("Connect returned %v", err)
	}
	var size *codec.SizeError
	if e := w.s.next(t, "lost"); !errors.As(e.reason, &size) || size.Protocol != "TLS" {
		t.Errorf("the server lost it because of %v", e.reason)
	}
}

func TestListenTLSNeedsACertificate(t *testing.T) {
	for _, cfg := range []*tls.Config{nil, {}} {
		server := NewServer(newSide(false, 17, 18).reg, &Config{Wire: Wire{TLS: cfg}})
		if _, err := server.Listen("tls://127.0.0.1:0"); !errors.Is(err, ErrNoTLS) {
			t.Errorf("Listen returned %v", err)
		}
		server.Close()
	}
}

// A handshake that never comes to its end ends with its time.
func TestTLSHandshakeTimeout(t *testing.T) {
	ca := newCA(t)
	w := newTLSWorld(t, ca.server(t), ca.client(t), func(s, c *side) { s.cfg.Handshake = 50 * time.Millisecond })
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	nc.Write([]byte{0x16, 3, 1})
	if _, err := io.ReadAll(nc); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	eventually(t, "refusal", func() bool { return w.server.Stats().Refused[ErrTLS.Error()] == 1 })
}

// Half handshakes keep neither the others at this port out, nor those at
// another, and are bounded in number. Closing the server ends them.
func TestTLSFlood(t *testing.T) {
	const most, flood = 40, 200
	ca := newCA(t)
	w := newTLSWorld(t, ca.server(t), ca.client(t), func(s, c *side) {
		s.cfg.Handshake, s.cfg.HalfOpen = time.Hour, most
	})
	plain, err := w.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, flood)
	for range flood {
		nc, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write([]byte{0x16, 3, 1, 0, 200, 1}) // the beginning of a hello
		go func() {
			io.ReadAll(nc)
			ended <- struct{}{}
		}()
	}
	for range flood - most {
		wait(t, "end of a half handshake", ended)
	}
	if _, err := w.dial(t, "tls://"+w.addr); err != nil {
		t.Errorf("over TLS: %v", err)
	}
	if _, err := w.dial(t, plain.Addr().String()); err != nil {
		t.Errorf("plain: %v", err)
	}
	if n := w.server.Stats().Refused[ErrHalfOpen.Error()]; n < flood-most {
		t.Errorf("%d had to make room, want %d", n, flood-most)
	}
	w.server.Close()
	for range most - 2 { // two may have made room for those who got in
		wait(t, "end of the others", ended)
	}
	eventually(t, "nobody is counted", func() bool {
		a := &w.server.admission
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.half.len() == 0
	})
}

// New conns see the new certificate, old ones go on, and a reload that fails
// changes nothing.
func TestCertificateReload(t *testing.T) {
	ca := newCA(t)
	dir := t.TempDir()
	files := func(who string) (cert, key string) {
		return filepath.Join(dir, who+".pem"), filepath.Join(dir, who+".key")
	}
	load := func(who, name string) *Certificate {
		certFile, keyFile := files(who)
		save(t, ca.sign(t, name), certFile, keyFile)
		c, err := LoadCertificate(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server, client := load("server", "server one"), load("client", "client one")
	w := newTLSWorld(t,
		&tls.Config{GetCertificate: server.GetCertificate, ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert},
		&tls.Config{GetClientCertificate: client.GetClientCertificate, RootCAs: ca.pool}, nil)
	pings := inbox(t, w.server, w.s.ping, 1)
	var conns []*Conn
	connect := func(wantServer, wantClient string) {
		t.Helper()
		cc, err := w.dial(t, "tls://"+w.addr)
		if err != nil {
			t.Fatal(err)
		}
		sc := w.s.next(t, "made").conn
		if name := cc.TLS().PeerCertificates[0].Subject.CommonName; name != wantServer {
			t.Errorf("the server is %q, want %q", name, wantServer)
		}
		if name := sc.TLS().PeerCertificates[0].Subject.CommonName; name != wantClient {
			t.Errorf("the client is %q, want %q", name, wantClient)
		}
		conns = append(conns, cc)
		for i, c := range conns {
			if err := Send(c, w.c.ping, &note{i, ""}); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, "ping", pings); got.N != i {
				t.Errorf("got ping %d, want %d", got.N, i)
			}
		}
	}
	connect("server one", "client one")

	certFile, keyFile := files("server")
	save(t, ca.sign(t, "server two"), certFile, keyFile)
	connect("server one", "client one")
	if err := server.Reload(); err != nil {
		t.Fatal(err)
	}
	load("client", "client two")
	if err := client.Reload(); err != nil {
		t.Fatal(err)
	}
	connect("server two", "client two")

	other, _ := files("client")
	for name, breakIt := range map[string]func() error{
		"garbage":         func() error { return os.WriteFile(certFile, []byte("no certificate"), 0o600) },
		"another's cert":  func() error { b, _ := os.ReadFile(other); return os.WriteFile(certFile, b, 0o600) },
		"no file":         func() error { return os.Remove(certFile) },
		"no key any more": func() error { save(t, ca.sign(t, "x"), certFile, keyFile); return os.Remove(keyFile) },
	} {
		if err := breakIt(); err != nil {
			t.Fatal(err)
		}
		if err := server.Reload(); err == nil {
			t.Errorf("%s: Reload returned no error", name)
		}
	}
	connect("server two", "client two")
	if _, err := LoadCertificate("none.pem", "none.key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("LoadCertificate of nothing: %v", err)
	}
}

// A TLS conn that is injected tells of itself; others tell nothing.
func TestInjectTLS(t *testing.T) {
	ca := newCA(t)
	w := newTLSWorld(t, ca.server(t), nil, nil)
	near, far := net.Pipe()
	server, client := tls.Server(far, ca.server(t)), tls.Client(near, &tls.Config{RootCAs: ca.pool, ServerName: "server.test"})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, "handshake", shaken); err != nil {
		t.Fatal(err)
	}
	sc, err := w.server.Inject(server)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := (&Client{w.client}).Inject(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if sc.TLS() == nil || cc.TLS() == nil {
		t.Errorf("TLS states are %v and %v", sc.TLS(), cc.TLS())
	}
	cc.Softquit("reason.bye")
	w.s.next(t, "made")
	if e := w.s.next(t, "lost"); e.reason != Reason("reason.bye") {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestInjectIntoAClosedPeer(t *testing.T) {
	server, client := NewServer(newSide(false, 17, 18).reg, nil), NewClient(newSide(true, 17, 18).reg, nil)
	server.Close()
	client.Close()
	for name, inject := range map[string]func(nc net.Conn) (*Conn, error){
		"server": server.Inject,
		"client": func(nc net.Conn) (*Conn, error) { return client.Inject(t.Context(), nc) },
	} {
		near, far := net.Pipe()
		if c, err := inject(near); c != nil || !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
		far.SetDeadline(time.Now().Add(patience))
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the conn was not closed: %v", name, err)
		}
	}
}

func TestInjectOnTheLoop(t *testing.T) {
	client := NewClient(newSide(true, 17, 18).reg, nil)
	run(t, client.Peer)
	near, far := net.Pipe()
	defer far.Close()
	failed := make(chan error, 1)
	client.Reactor().Post(func() {
		_, err := client.Inject(t.Context(), near)
		failed <- err
	})
	if err := wait(t, "error", failed); !errors.Is(err, engine.ErrOnLoop) {
		t.Error(err)
	}
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the conn was not closed: %v", err)
	}
}

// Faults of what the program has put into its tls.Config end one handshake.
func TestFaultsInTheTLSConfig(t *testing.T) {
	ca := newCA(t)
	for name, fault := range map[string]func(){"panic": func() { panic("in the config") }, "Goexit": runtime.Goexit} {
		t.Run("server "+name, func(t *testing.T) {
			var calls atomic.Int32
			cfg := ca.server(t)
			cfg.VerifyConnection = func(tls.ConnectionState) error {
				if calls.Add(1) == 1 {
					fault()
				}
				return nil
			}
			w := newTLSWorld(t, cfg, &tls.Config{RootCAs: ca.pool}, nil)
			if _, err := w.dial(t, "tls://"+w.addr); err == nil {
				t.Error("Connect succeeded")
			}
			eventually(t, "refusal", func() bool { return w.server.Stats().Refused[ErrTLS.Error()] == 1 })
			if _, err := w.dial(t, "tls://"+w.addr); err != nil {
				t.Errorf("the next Connect: %v", err)
			}
		})
		t.Run("client "+name, func(t *testing.T) {
			c := newSide(true, 40, 41)
			failed := make(chan error, 1)
			c.cfg.OnConnectFailed = func(_ string, err error) { failed <- err }
			c.cfg.TLS = &tls.Config{RootCAs: ca.pool, VerifyConnection: func(tls.ConnectionState) error { fault(); return nil }}
			w := newTLSWorld(t, ca.server(t), &tls.Config{RootCAs: ca.pool}, nil)
			client := NewClient(c.reg, &c.cfg)
			run(t, client.Peer)
			if err := client.ConnectAsync("tls://" + w.addr); err != nil {
				t.Fatal(err)
			}
			err := wait(t, "failure", failed)
			var pe *engine.PanicError
			if name == "panic" && !errors.As(err, &pe) || name == "Goexit" && err != engine.ErrGoexit {
				t.Errorf("failed with %v", err)
			}
		})
	}
}

func tlsListener(ln net.Listener, cfg *tls.Config) net.Listener { return tls.NewListener(ln, cfg) }

// A zone says by which interface an address is reached, and is no part of what a
// certificate names.
func TestTLSNameOfAnAddressWithAZone(t *testing.T) {
	p := newPeer(newSide(true, 40, 41).reg, nil)
	for address, want := range map[string]string{
		"[::1%lo]:1": "::1", "[fe80::1%eth0]:1": "fe80::1", "[::1]:1": "::1", "localhost:1": "localhost", "127.0.0.1:1": "127.0.0.1",
	} {
		if name := p.clientTLS(address, ALPN).ServerName; name != want {
			t.Errorf("%s is verified as %q, want %q", address, name, want)
		}
	}
}

// A server that refuses the client's certificate has refused the TLS handshake,
// whichever version says so later.
func TestRefusedClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ca := newCA(t)
		server, client := ca.server(t), ca.client(t)
		server.ClientAuth, server.MaxVersion = tls.RequireAndVerifyClientCert, version
		client.Certificates = nil
		w := newTLSWorld(t, server, client, nil)
		if _, err := w.dial(t, "tls://"+w.addr); !errors.Is(err, ErrTLS) {
			t.Errorf("TLS %x: %v", version, err)
		}
	}
}

// deadlineConn calls hook when a deadline is set, which is the first thing that
// becomes of a conn that is injected.
type deadlineConn struct {
	net.Conn
	hook   func()
	closed atomic.Bool
}

func (c *deadlineConn) SetDeadline(time.Time) error { c.hook(); return nil }

func (c *deadlineConn) Close() error { c.closed.Store(true); return c.Conn.Close() }

// A socket whose TLS handshake is done is no longer its listener's to close.
func TestTheEndOfATLSListenerIsNotThatOfItsConns(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer far.Close()
	r := &reception{peer: server.Peer}
	unopened := &r.unopened
	nc := &deadlineConn{Conn: near, hook: unopened.close}
	accepted := r.newAcceptedSocket(nc, tls.Server(nc, newCA(t).server(t)))
	var err error
	if accepted.admitted, err = server.admit(nc, nil); err != nil || !unopened.add(nc, accepted.admitted) {
		t.Fatal(err)
	}
	accepted.finish()
	if nc.closed.Load() {
		t.Error("the end of its listener closed it")
	}
}
