package websocket

// Handler: WebSocket at a path of a net/http server.

import (
	"io"
	"net/http"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Handler has srv serve those who ask a net/http server for an upgrade, for programs that have
// one anyway:
//
//	http.Handle("/game", websocket.Handler(srv, nil))
//
// Once an upgrade is done the socket is srv's, and on its loop, or on two goroutines if the
// net/http server has TLS. The bounds of srv on accepted conns hold. Nil means the default
// Config. HTTP/2 has another way of upgrading, which this is not: give the net/http server no
// "h2" in its NextProtos, or have browsers find HTTP/1.1 only.
func Handler(srv *peer.Server, cfg *Config) http.Handler {
	return &handler{srv, cfg.withDefaults()}
}

type handler struct {
	srv *peer.Server
	cfg *Config
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := &Request{URL: hr.URL, Host: hr.Host, Header: hr.Header, method: hr.Method, major: hr.ProtoMajor, minor: hr.ProtoMinor}
	if addr, ok := hr.Context().Value(http.LocalAddrContextKey).(interface{ Network() string }); ok {
		r.RemoteAddr = namedAddr{addr.Network(), hr.RemoteAddr}
	}
	if refusal := h.cfg.admit(r); refusal != nil {
		refusal.fields(w.Header().Set)
		w.WriteHeader(refusal.Status)
		io.WriteString(w, refusal.Reason+"\n")
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this server cannot upgrade", http.StatusInternalServerError)
		return
	}
	nc.SetDeadline(time.Time{})
	early := make([]byte, rw.Reader.Buffered())
	io.ReadFull(rw.Reader, early) // it is there
	rare := rareState{accepted: h.cfg.accept(r), early: early}
	h.srv.ServeConn(nc, peer.Scheme{Name: "ws", Open: func(sc *peer.SchemeConn, inner engine.Transport) engine.Transport {
		t := newTransport(sc, h.cfg, inner)
		t.rare = &rare
		return t
	}}) // srv counts and logs what goes wrong
}

// namedAddr is an address as net/http tells it.
type namedAddr struct{ network, addr string }

func (a namedAddr) Network() string { return a.network }
func (a namedAddr) String() string  { return a.addr }
