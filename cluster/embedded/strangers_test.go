package embedded

// Who is no node, and tries to pass for one.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	der := a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	cert, err := x509.ParseCertificate(der.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a.cert, a.key = cert, der.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// sign signs a certificate, by itself if it is the authority's first one.
func (a *authority) sign(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := template, key
	if a.key != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// config is for a server of the cluster of which root has signed.
func (a *authority) config(t *testing.T, root *authority) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	own := a.sign(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: roots}
}

// joinWith starts a node with a server of its own.
func joinWith(t *testing.T, name string, own Config) (*cluster.Node, *Server) {
	t.Helper()
	srv := peer.NewServer(registry.New(), nil)
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	server := New(own)
	n, err := cluster.Join(t.Context(), srv, cluster.Config{Name: name, Server: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Leave() })
	return n, server
}

// A server without the secret, or without a certificate of the cluster's, is not let in.
func TestStrangersStayOut(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	for _, tt := range []struct {
		name     string
		friend   func() Config
		stranger func() Config
	}{
		{"another secret", func() Config { return Config{Secret: "swordfish"} }, func() Config { return Config{Secret: "guess"} }},
		{"no secret", func() Config { return Config{Secret: "swordfish"} }, func() Config { return Config{} }},
		{"another cluster", func() Config { return Config{} }, func() Config { return Config{Name: "other"} }},
		{"another authority", func() Config { return Config{TLS: ours.config(t, ours)} }, func() Config { return Config{TLS: theirs.config(t, ours)} }},
		{"no TLS", func() Config { return Config{TLS: ours.config(t, ours)} }, func() Config { return Config{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, server := joinWith(t, "n0", tt.friend())
			own := tt.stranger()
			own.Routes = []string{server.Addr()}
			stranger, out := joinWith(t, "mal", own)
			own = tt.friend()
			own.Routes = []string{server.Addr()}
			friend, _ := joinWith(t, "n1", own)
			await.True(t, "a friend", func() bool { return len(first.Nodes()) == 1 && len(friend.Nodes()) == 1 })
			if out.Routes() != 0 || len(stranger.Nodes()) != 0 || first.Nodes()[0] != "n1" {
				t.Errorf("a stranger has %d routes and knows %v", out.Routes(), stranger.Nodes())
			}
		})
	}
}

// The port that the server listens at for clients lets nobody in but the node.
func TestTheServerTakesNoClients(t *testing.T) {
	n := start(t, "n0", nil, nil)
	addr := n.server.server.ClientURL()
	for what, options := range map[string][]nats.Option{
		"no password": nil, "a guess": {nats.UserInfo("process", "guess")}, "the secret": {nats.UserInfo("node", "swordfish")},
	} {
		nc, err := nats.Connect(addr, options...)
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			nc.Close()
		}
	}
}

func TestTLSVerifiesBothSides(t *testing.T) {
	a := newAuthority(t)
	for what, change := range map[string]func(*tls.Config){
		"no certificate":  func(c *tls.Config) { c.Certificates = nil },
		"no roots":        func(c *tls.Config) { c.RootCAs = nil },
		"no verification": func(c *tls.Config) { c.InsecureSkipVerify = true },
	} {
		c := a.config(t, a)
		change(c)
		if _, err := New(Config{TLS: c}).Start(t.Context(), "n"); !errors.Is(err, ErrTLS) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c := Config{TLS: a.config(t, a), Listen: "0.0.0.0:0"}
	if _, err := c.options("n"); err != nil {
		t.Errorf("an address that others can reach, with TLS: %v", err)
	}
}
