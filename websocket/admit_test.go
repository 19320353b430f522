package websocket

// Who may come in: paths, origins, tokens, and the program's own check.

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		origins, origin string
		ok              bool
	}{
		{"https://example.org", "https://example.org", true},
		{"https://example.org", "HTTPS://EXAMPLE.ORG", true},
		{"https://example.org", "http://example.org", false},
		{"https://example.org", "https://example.org:8443", false},
		{"example.org", "http://example.org", true},
		{"example.org", "https://sub.example.org", false},
		{"*.example.org", "https://sub.example.org", true},
		{"*.example.org", "https://a.b.example.org", true},
		{"*.example.org", "https://example.org", false},
		{"*.example.org", "https://evilexample.org", false},
		{"a.example b.example", "https://b.example", true},
		{"*", "https://anything.example", true},
		{"*", "null", true},
		{"null", "null", true},
		{"example.org", "null", false},
		{"example.org", "", true},
	} {
		c := (&Config{Origins: strings.Fields(test.origins)}).withDefaults()
		r := &Request{Header: http.Header{}}
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if got := c.allows(r); got != test.ok {
			t.Errorf("%q lets %q in: %v, want %v", test.origins, test.origin, got, test.ok)
		}
	}
}

func TestPath(t *testing.T) {
	s := serve(t, "ws", &Config{Path: "/chat"}, nil)
	for target, status := range map[string]int{"/chat": 101, "/chat?x=y": 101, "/other": 404, "/chat/": 404} {
		if resp := s.dial(t).upgrade("GET " + target + " HTTP/1.1"); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", target, resp.StatusCode, status)
		}
	}
}

// A token reaches Authenticate from either place, and one of the handshake takes its place.
func TestTokens(t *testing.T) {
	tokens := make(chan []byte, 1)
	s := serve(t, "ws", nil, func(c *peer.Config) {
		c.SkipHandshake = true
		c.Authenticate = func(_ *peer.Conn, cred peer.Credentials) error { tokens <- cred.Token; return nil }
	})
	for _, test := range []struct{ line, protocol, want string }{
		{"GET /?token=s%20cret HTTP/1.1", "", "s cret"},
		{"GET /?x=y HTTP/1.1", "packetmq.1, token.abc-_.1", "abc-_.1"},
		{"GET /?token=query HTTP/1.1", "token.first", "first"},
		{"GET / HTTP/1.1", "packetmq.1", ""},
	} {
		change := []string{test.line}
		if test.protocol != "" {
			change = append(change, "Sec-WebSocket-Protocol: "+test.protocol)
		}
		if resp := s.dial(t).upgrade(change...); resp.StatusCode != 101 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		if got := next(t, "token", tokens); string(got) != test.want {
			t.Errorf("%v: token %q, want %q", test, got, test.want)
		}
	}
	if resp := s.dial(t).upgrade("GET /?token=" + strings.Repeat("x", peer.MaxToken+1) + " HTTP/1.1"); resp.StatusCode != 400 {
		t.Errorf("a token that is too long: status %d", resp.StatusCode)
	}
}

func TestTheTokenOfTheHandshakeCounts(t *testing.T) {
	tokens := make(chan []byte, 1)
	s := serve(t, "ws", nil, func(c *peer.Config) {
		c.Authenticate = func(_ *peer.Conn, cred peer.Credentials) error { tokens <- cred.Token; return nil }
	})
	for _, own := range []string{"", "own"} {
		cli, _ := client(t, nil, func(c *peer.Config) {
			if own != "" {
				c.Token = func(*peer.Conn) []byte { return []byte(own) }
			}
		})
		if _, err := cli.Connect(t.Context(), "ws://"+s.addr+"/?token=url"); err != nil {
			t.Fatal(err)
		}
		want := own
		if want == "" {
			want = "url"
		}
		if got := next(t, "token", tokens); string(got) != want {
			t.Errorf("token %q, want %q", got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	s := serve(t, "ws", &Config{Check: func(r *Request) error {
		switch r.Header.Get("Cookie") {
		case "who=gopher":
			r.Data = "gopher"
			return nil
		case "who=late":
			return &UpgradeError{Status: 401, Reason: "log in again"}
		case "who=split":
			return &UpgradeError{Status: 401, Reason: "a\r\nSet-Cookie: b"}
		}
		return errors.New("not for others' ears")
	}}, skipping)
	for cookie, want := range map[string]struct {
		status int
		body   string
	}{
		"who=gopher": {101, ""}, "who=late": {401, "log in again\n"}, "who=split": {403, "refused\n"}, "who=other": {403, "refused\n"},
	} {
		resp := s.dial(t).upgrade("Cookie: " + cookie)
		var body bytes.Buffer
		if resp.StatusCode != 101 {
			body.ReadFrom(resp.Body)
		}
		if resp.StatusCode != want.status || body.String() != want.body {
			t.Errorf("%s: status %d %q, want %d %q", cookie, resp.StatusCode, body.String(), want.status, want.body)
		}
	}
	if got := next(t, "conn", s.made).Data(); got != "gopher" {
		t.Errorf("Data is %v", got)
	}
}

// A panic in Check ends that socket and nothing else.
func TestCheckThatPanics(t *testing.T) {
	s := serve(t, "ws", &Config{Check: func(r *Request) error {
		if r.Header.Get("X") == "panic" {
			panic("in Check")
		}
		return nil
	}}, skipping)
	c := s.dial(t)
	c.write([]byte(request("x", "X: panic")))
	c.ended()
	s.speak(t).wantEcho(1)
}

func TestClientIsToldOfARefusal(t *testing.T) {
	s := serve(t, "ws", &Config{Path: "/game"}, nil)
	cli, _ := client(t, nil, nil)
	_, err := cli.Connect(t.Context(), "ws://"+s.addr+"/other")
	var refused *UpgradeError
	if !errors.As(err, &refused) || refused.Status != 404 || !errors.Is(err, peer.ErrScheme) {
		t.Errorf("got %v", err)
	}
	for _, addr := range []string{"ws://" + s.addr + "/game#part", "ws:///game", "any://" + s.addr} {
		if _, err := cli.Connect(t.Context(), addr); err == nil {
			t.Errorf("%s is taken", addr)
		}
	}
}
