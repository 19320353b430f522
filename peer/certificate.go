package peer

// A TLS certificate that can be loaded again while it is in use.

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// Certificate is a certificate and its key from two PEM files, which can be
// loaded again while it is in use. Give its methods to a tls.Config:
//
//	cert, err := peer.LoadCertificate("server.pem", "server.key")
//	cfg := &tls.Config{GetCertificate: cert.GetCertificate}
//
// Any goroutine may call them.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadCertificate loads a certificate, which may be followed by those that it
// is signed with, and its key.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload loads both files again. Handshakes from now on see what they have;
// conns that are open go on as they are. If it fails the old certificate stays.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("peer: loading a certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// GetCertificate is for tls.Config.GetCertificate, on servers.
func (c *Certificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// GetClientCertificate is for tls.Config.GetClientCertificate, on clients.
func (c *Certificate) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
