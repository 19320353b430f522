package interop

// coder/websocket as the other side.

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	coder "github.com/coder/websocket"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

func TestCoderAsAClient(t *testing.T) {
	for _, scheme := range []string{"ws", "any"} {
		t.Run(scheme, func(t *testing.T) {
			tokens := make(chan string, 1)
			_, s, addr := serve(t, scheme, nil, func(c *peer.Config) {
				c.Authenticate = func(_ *peer.Conn, cred peer.Credentials) error { tokens <- string(cred.Token); return nil }
			})
			cli, cs := client(t)
			c, resp, err := coder.Dial(t.Context(), "ws://"+addr+"/game", &coder.DialOptions{
				Subprotocols:    []string{websocket.Subprotocol, "token.secret"},
				CompressionMode: coder.CompressionContextTakeover, // which is declined
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.Subprotocol() != websocket.Subprotocol || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Errorf("agreed on %q, and %q", c.Subprotocol(), resp.Header.Get("Sec-WebSocket-Extensions"))
			}
			c.SetReadLimit(-1)
			conn, err := cli.Inject(t.Context(), coder.NetConn(t.Context(), c, coder.MessageBinary))
			if err != nil {
				t.Fatal(err)
			}
			if got := next(t, "token", tokens); got != "secret" {
				t.Errorf("the token is %q", got)
			}
			wantEchoes(t, conn, cs)
			if err := c.Ping(t.Context()); err != nil {
				t.Errorf("ping: %v", err)
			}
			conn.Close()
			if reason := next(t, "end", s.lost); reason != error(peer.ReasonGeneric) {
				t.Errorf("OnLost was told %v", reason)
			}
		})
	}
}

// A writer of coder's sends fragments.
func TestCoderSendsFragments(t *testing.T) {
	_, s, addr := serve(t, "ws", nil, func(c *peer.Config) { c.SkipHandshake = true })
	c, _, err := coder.Dial(t.Context(), "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	p := "\x00\x00\x00\x0b\x00\x28\x82\xa1n\x07\xa4body\xc0"
	p = p[:3] + string(rune(len(p)-4)) + p[4:]
	w, err := c.Writer(t.Context(), coder.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []byte(p) {
		if _, err := w.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if typ, got, err := c.Read(t.Context()); err != nil || typ != coder.MessageBinary || !strings.HasSuffix(string(got), "\xc0") {
		t.Errorf("got %v %q, %v", typ, got, err)
	}
	c.Close(4001, "for a reason")
	var closed *websocket.CloseError
	if reason := next(t, "end", s.lost); !errors.As(reason, &closed) || *closed != (websocket.CloseError{Code: 4001, Reason: "for a reason"}) {
		t.Errorf("OnLost was told %v", reason)
	}
}

func TestCoderIsToldTheReason(t *testing.T) {
	_, s, addr := serve(t, "ws", nil, func(c *peer.Config) { c.SkipHandshake = true })
	c, _, err := coder.Dial(t.Context(), "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	next(t, "conn", s.made).Softquit("reason.bye")
	for err == nil {
		_, _, err = c.Read(t.Context())
	}
	var closed coder.CloseError
	if !errors.As(err, &closed) || closed.Code != 1000 || closed.Reason != "reason.bye" {
		t.Errorf("coder was told %v", err)
	}
	next(t, "end", s.lost)
}

func TestCoderOfAnotherOrigin(t *testing.T) {
	_, _, addr := serve(t, "ws", nil, nil)
	_, resp, err := coder.Dial(t.Context(), "ws://"+addr, &coder.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
	if err == nil || resp == nil || resp.StatusCode != 403 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// The client of package websocket at a server of coder's.
func TestCoderAsAServer(t *testing.T) {
	srv, s, _ := serve(t, "ws", nil, nil)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, &coder.AcceptOptions{Subprotocols: []string{websocket.Subprotocol}, CompressionMode: coder.CompressionContextTakeover})
		if err != nil {
			t.Error(err)
			return
		}
		c.SetReadLimit(-1)
		if _, err := srv.Inject(coder.NetConn(context.Background(), c, coder.MessageBinary)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(hs.Close)
	cli, cs := client(t)
	c, err := cli.Connect(t.Context(), "ws"+strings.TrimPrefix(hs.URL, "http")+"/game")
	if err != nil {
		t.Fatal(err)
	}
	wantEchoes(t, c, cs)
	c.Softquit("from the client")
	if reason := next(t, "end", s.lost); reason != error(peer.Reason("from the client")) {
		t.Errorf("OnLost was told %v", reason)
	}
}
