package peer

// What is known of who the other side is: its TLS state, its process at a Unix socket, and
// the token that it has shown.

import (
	"crypto/tls"
	"net"

	"github.com/packetmq/packetmq/internal/unixsocket"
)

// transportCredentials is what the transport says of who the other side is. What it does not
// say is nil.
type transportCredentials struct {
	tls  *tls.ConnectionState
	unix *UnixCred
}

// credentialsOf asks nc for them. It is nil if nc says nothing. A TLS conn says nothing
// before its handshake is done.
func credentialsOf(nc net.Conn) *transportCredentials {
	switch nc := nc.(type) {
	case interface{ ConnectionState() tls.ConnectionState }:
		if cs := nc.ConnectionState(); cs.HandshakeComplete {
			return &transportCredentials{tls: &cs}
		}
	case *net.UnixConn:
		if p, ok := unixsocket.PeerOf(nc); ok {
			return &transportCredentials{unix: &UnixCred{PID: p.PID, UID: p.UID, GID: p.GID}}
		}
	}
	return nil
}

// noteCredentials keeps the credentials of nc. c is about to be opened over nc.
func (c *Conn) noteCredentials(nc net.Conn) {
	if o := credentialsOf(nc); o != nil {
		c.makeRare().credentials = o
	}
}

// transportCredentials returns what noteCredentials has kept, or nil.
func (c *Conn) transportCredentials() *transportCredentials {
	if c == nil {
		return nil
	}
	if rare := c.rare.Load(); rare != nil {
		return rare.credentials
	}
	return nil
}

// UnixCred is the process at the other end of a Unix socket, as the system saw
// it when it connected.
type UnixCred struct {
	PID      int // 0 where the system does not tell
	UID, GID uint32
}

// UnixCred is the process at the other end of a Unix socket that a server has
// accepted, or of one that was injected. It is nil for other conns, for those that
// come from a proxy (Config.ProxyFromUnix), and on systems that do not tell.
func (c *Conn) UnixCred() *UnixCred {
	if o := c.transportCredentials(); o != nil {
		return o.unix
	}
	return nil
}

// Credentials is what the other side has shown of who it is. What it has not
// shown is nil.
type Credentials struct {
	Token []byte               // of its Config.Token; the hook's to keep
	TLS   *tls.ConnectionState // as Conn.TLS
	Unix  *UnixCred            // as Conn.UnixCred
}
