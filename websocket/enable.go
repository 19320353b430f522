package websocket

// Enable: ws:// and wss:// for a peer.

import (
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Enable has h know ws:// and wss://: Listen of a server, Connect of a client. Listeners of the
// server on any:// that are opened later take WebSocket too. Nil means the default Config. It
// may be called once for a peer.
func Enable(h peer.SocketHost, cfg *Config) error {
	if _, err := peer.Of(h); err != nil {
		return err
	}
	c := cfg.withDefaults()
	open := func(sc *peer.SchemeConn, inner engine.Transport) engine.Transport {
		return newTransport(sc, c, inner)
	}
	ws := peer.Scheme{Name: "ws", Port: "80", Begins: beginsHTTP, Open: open}
	wss := peer.Scheme{Name: "wss", Port: "443", Begins: beginsHTTP, Open: open, TLS: true, ALPN: "http/1.1"}
	if err := h.AddScheme(ws); err != nil {
		return err
	}
	return h.AddScheme(wss)
}

// beginsHTTP reports whether b can be the first byte of an HTTP request.
func beginsHTTP(b byte) bool { return 'A' <= b && b <= 'Z' }
