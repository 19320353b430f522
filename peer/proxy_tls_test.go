package peer

// TLS after the header of a proxy.

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// The callbacks of a tls.Config see the client's address.
func TestTLSCallbacksSeeTheClientOfAProxy(t *testing.T) {
	ca := newCA(t)
	s := newSide(false, 17, 18)
	behindProxy(s)
	s.cfg.TLS = ca.server(t)
	addrs := make(chan string, 1)
	s.cfg.TLS.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		addrs <- info.Conn.RemoteAddr().String()
		return nil, nil
	}
	server := NewServer(s.reg, &s.cfg)
	run(t, server.Peer)
	ln, err := server.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wireOver(t, dialProxied(t, ln.Addr(), ipv4Client, 100, ca.client(t))).shake(3)
	if a := wait(t, "hello", addrs); a != someClient {
		t.Errorf("the callback saw %s", a)
	}
}

// A TLS handshake that fails after a header is logged with the client's address.
func TestTLSThatFailsAfterAProxyHeader(t *testing.T) {
	ca := newCA(t)
	for _, entrance := range []string{"tls", "served tls"} {
		s := newSide(false, 17, 18)
		log := behindProxy(s)
		s.cfg.TLS = ca.server(t)
		server := NewServer(s.reg, &s.cfg)
		run(t, server.Peer)
		at, err := entrances[entrance].open(t, server, s.cfg.TLS)
		if err != nil {
			t.Fatal(err)
		}
		w := wireOver(t, dialProxied(t, at, ipv4Client, 100, nil))
		w.send(registry.IDInit, initMsg{version: 1}.append(nil))
		if reason := w.quitReason(); reason != ReasonTLS {
			t.Errorf("%s: it was told %v", entrance, reason)
		}
		eventually(t, "line with the address", func() bool {
			return strings.Contains(log.String(), "TLS handshake failed") && strings.Contains(log.String(), "remote="+someClient)
		})
	}
}
