package peer

// TLS: the handshake before the conn is opened, for listeners and for clients.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
)

// ALPN is the name of the protocol that the sides of a TLS conn agree on,
// unless their Config.TLS has NextProtos of its own. A side that names none is
// taken too.
const ALPN = "packetmq/1"

var (
	// ErrNoTLS is returned by Listen on tls:// without a certificate.
	ErrNoTLS = errors.New("peer: listening on tls:// needs a Config.TLS with a certificate")

	// ErrTLS is a TLS handshake that failed; it wraps why.
	ErrTLS = errors.New("peer: TLS handshake failed")

	// ErrNotTLS is a TLS handshake that failed because the other side does not
	// speak TLS.
	ErrNotTLS = errors.New("peer: the other side does not speak TLS")
)

// TLS is the state of the TLS conn that this one runs over; nil where there is
// none. It is shared: do not change it.
func (c *Conn) TLS() *tls.ConnectionState {
	if o := c.transportCredentials(); o != nil {
		return o.tls
	}
	return nil
}

// hasCertificate reports whether the peer can be the server of a TLS handshake.
func (p *Peer) hasCertificate() bool {
	cfg := p.cfg.TLS
	return cfg != nil && (len(cfg.Certificates) > 0 || cfg.GetCertificate != nil || cfg.GetConfigForClient != nil)
}

// serverTLS is the tls.Config of a listener whose clients choose one of the protocols, of
// which empty ones have no name.
func (p *Peer) serverTLS(protocols ...string) (*tls.Config, error) {
	if !p.hasCertificate() {
		return nil, ErrNoTLS
	}
	cfg := p.cfg.TLS.Clone()
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = named(protocols)
	}
	return cfg, nil
}

// named are the names that are not empty.
func named(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
}

// clientTLS is the tls.Config for a dial to address, to speak the protocol there, or none that
// has a name if it is empty.
func (p *Peer) clientTLS(address, protocol string) *tls.Config {
	cfg := p.cfg.TLS.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = named([]string{protocol})
	}
	if cfg.ServerName == "" {
		host, _, _ := net.SplitHostPort(address)
		// The zone says by which interface to reach it, and is no part of its name.
		cfg.ServerName, _, _ = strings.Cut(host, "%")
	}
	return cfg
}

// dialTLS opens conn over TLS to address, where the scheme is spoken if it is not nil.
func (c *Client) dialTLS(ctx context.Context, address string, over *Scheme, conn *Conn) error {
	protocol := ALPN
	if over != nil {
		protocol = over.ALPN
	}
	return c.reactor.DialFunc(ctx, "tcp", address, func(ctx context.Context, nc net.Conn) error {
		if !c.unopenedDials.add(nc, nil) {
			nc.Close()
			return ErrClosed
		}
		defer c.unopenedDials.remove(nc)
		tc := tls.Client(nc, c.clientTLS(address, protocol))
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return fmt.Errorf("%w with %s: %w", ErrTLS, address, explain(err))
		}
		if !c.unopenedDials.remove(nc) { // from here on nc is the conn's
			return ErrClosed
		}
		return c.injectOver(conn, tc, over)
	})
}

// explainRefusal makes err, which has ended c, an ErrTLS if it is the other side's refusal
// after the TLS handshake. A server of TLS 1.3 looks at the client's certificate only after
// the client's handshake is done.
func (c *Conn) explainRefusal(err error) error {
	var op *net.OpError
	if c.flags.has(made) || c.TLS() == nil || !errors.As(err, &op) || op.Op != "remote error" {
		return err
	}
	return fmt.Errorf("%w with %v: %w", ErrTLS, c.RemoteAddr(), err)
}

// explain makes err an ErrNotTLS if the other side does not speak TLS.
func explain(err error) error {
	if notTLS(err) != nil {
		return fmt.Errorf("%w: %w", ErrNotTLS, err)
	}
	return err
}

// refuseTLS counts and logs a TLS handshake that failed.
func (s *acceptedSocket) refuseTLS() {
	s.peer.stats.refused(ErrTLS)
	s.peer.logLine(slog.LevelWarn, "TLS handshake failed", "remote", s.remote, "err", explain(s.err))
}

// notTLS is the first bytes of a side that does not speak TLS, if err, with which a TLS
// handshake has failed, says so; else it is nil.
func notTLS(err error) []byte {
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return plain.RecordHeader[:]
	}
	return nil
}
