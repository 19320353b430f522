package peer

// Conns that come through a proxy: from the networks of Config.ProxyFrom every conn begins
// with a PROXY header, which says whose conn it is. The conn is counted, logged and shown to
// the program with that address.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/proxyproto"
)

// ErrProxyHeader refuses a socket that comes from a proxy, by Config.ProxyFrom or
// ProxyFromUnix, and whose PROXY header is missing or malformed, or was not complete within
// Config.Handshake. It is wrapped with which of these it is.
var ErrProxyHeader = errors.New("peer: PROXY header is missing or not valid")

// ProxyAddr is the address of the proxy that c came through, as Config.ProxyFrom has it:
// RemoteAddr is the client's then. It is nil for other conns, and for those of which the
// proxy says that they are its own, or that it does not know the client.
func (c *Conn) ProxyAddr() net.Addr {
	if c == nil {
		return nil
	}
	if e := c.rare.Load(); e != nil {
		return e.proxy
	}
	return nil
}

// hasProxies reports whether any accepted socket may begin with a PROXY header.
func (p *Peer) hasProxies() bool { return len(p.cfg.ProxyFrom) > 0 || p.cfg.ProxyFromUnix }

// isProxy reports whether sockets from remote begin with a PROXY header.
func (p *Peer) isProxy(remote net.Addr) bool {
	switch a := remote.(type) {
	case *net.TCPAddr:
		ip, _ := netip.AddrFromSlice(a.IP)
		for _, network := range p.cfg.ProxyFrom {
			if contains(network, ip.Unmap()) {
				return true
			}
		}
	case *net.UnixAddr:
		return p.cfg.ProxyFromUnix
	}
	return false
}

// contains reports whether ip, which is not mapped, is in a network, which may be one of
// mapped addresses.
func contains(network netip.Prefix, ip netip.Addr) bool {
	if network.Addr().Is4In6() && ip.Is4() {
		ip = netip.AddrFrom16(ip.As16())
	}
	return network.Contains(ip)
}

// readProxyHeader reads the PROXY header, and has the socket counted with the address in it.
func (s *acceptedSocket) readProxyHeader(ctx context.Context) {
	s.refuse = s.refuseProxyHeader
	deadline, _ := ctx.Deadline()
	var h proxyproto.Header
	if s.err = s.nc.SetReadDeadline(deadline); s.err != nil {
		return
	}
	if h, s.read, s.err = proxyproto.Read(s.nc); s.err != nil {
		return
	}
	if s.err = s.nc.SetReadDeadline(time.Time{}); s.err != nil || h.Source == nil {
		return
	}
	s.proxy, s.remote = ownAddr(s.remote), h.Source
	if below, ok := s.nc.(*proxiedConn); ok {
		below.remote = s.remote
	}
	s.refuse = s.refuseClient
	s.err = s.peer.admission.recount(s.admitted, s.remote, s.peer.makeRoom(s.nc, s.remote))
}

// ownAddr is a copy of a, which the engine may change when it takes the socket over.
func ownAddr(a net.Addr) net.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		own := *t
		return &own
	}
	return a
}

// noteProxy has c, which is about to be opened, tell the client's address and the proxy's.
func (s *acceptedSocket) noteProxy(c *Conn) {
	if s.proxy != nil {
		c.link.SetRemoteAddr(s.remote)
		c.makeRare().proxy = s.proxy
	}
}

// refuseProxyHeader counts and logs a PROXY header that was not valid. Unless the other side
// is told something, it closes the socket at once.
func (s *acceptedSocket) refuseProxyHeader() {
	s.peer.stats.refused(ErrProxyHeader)
	level, msg := slog.LevelWarn, "PROXY header refused"
	switch {
	case errors.Is(s.err, os.ErrDeadlineExceeded):
		s.err = ErrHandshakeTimeout
	case len(s.read) == 0 && (s.err == io.EOF || errors.Is(s.err, syscall.ECONNRESET)):
		// A proxy looks whether the server is there, every few seconds: no warning.
		level, msg = slog.LevelDebug, "proxy closed before its header"
	}
	s.peer.logLine(level, msg, "proxy", s.remote, "err", fmt.Errorf("%w: %w", ErrProxyHeader, s.err))
	if s.softquitReason() == "" {
		s.nc.Close()
	}
}

// refuseClient counts and logs a client that a proxy has brought, and that may not come in.
// It closes the socket at once: many such clients must not keep as many sockets open.
func (s *acceptedSocket) refuseClient() {
	s.peer.noteRefused(s.remote, s.err)
	s.nc.Close()
}

// proxiedConn is a TCP conn that tells the client's address once the PROXY header has told
// it: the callbacks of a tls.Config ask the conn below TLS for it.
type proxiedConn struct {
	*net.TCPConn
	remote net.Addr // nil: not known yet
}

// bare is nc without the proxiedConn around it: a socket, for the poller.
func bare(nc net.Conn) net.Conn {
	if p, ok := nc.(*proxiedConn); ok {
		return p.TCPConn
	}
	return nc
}

// RemoteAddr is the client's address.
func (c *proxiedConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.TCPConn.RemoteAddr()
}
