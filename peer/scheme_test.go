package peer

// Schemes: the life of a conn before its scheme's handshake is done, by a scheme that is as
// small as can be: a client says a word, and the server answers with the same.

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

// wordScheme is that scheme. Good words begin with g.
func wordScheme(word string) Scheme {
	return Scheme{
		Name:   "word",
		Begins: func(b byte) bool { return b == 'g' || b == 'b' },
		Open: func(c *SchemeConn, inner engine.Transport) engine.Transport {
			return &wordTransport{Transport: inner, conn: c, word: word}
		},
	}
}

type wordTransport struct {
	engine.Transport
	sink  engine.Sink
	conn  *SchemeConn
	word  string
	said  bool
	heard bool
}

func (w *wordTransport) Open(s engine.Sink) {
	w.sink = s
	w.Transport.Open(w)
	s.Wake(s.Loop())
}

func (w *wordTransport) say() {
	w.said = true
	b := w.sink.Loop().Buffers().Get()
	b.B = append(b.B, w.word...)
	w.Transport.Write(b)
}

func (w *wordTransport) Pump() bool {
	if w.conn.IsClient() && !w.said {
		w.say()
	}
	return w.Transport.Pump()
}

func (w *wordTransport) Received(b []byte) int {
	if w.heard {
		return w.sink.Received(b)
	}
	w.heard = true
	if b[0] != 'g' {
		w.conn.Refuse(errors.New("a bad word"))
		return len(b)
	}
	w.conn.ShowToken([]byte("token of the word"))
	if !w.said {
		w.say()
	}
	w.conn.Ready()
	return len(w.word)
}
func (w *wordTransport) Ended(err error)      { w.sink.Ended(err) }
func (w *wordTransport) Wake(on *engine.Loop) { w.sink.Wake(on) }
func (w *wordTransport) Loop() *engine.Loop   { return w.sink.Loop() }

// wordServer serves the scheme. What becomes of its conns is in the side's events.
func wordServer(t *testing.T, setUp func(*Config)) (*side, *Server, net.Addr) {
	t.Helper()
	leak.Check(t)
	s := newSide(false, 17, 18)
	if setUp != nil {
		setUp(&s.cfg)
	}
	server := NewServer(s.reg, &s.cfg)
	t.Cleanup(func() { server.Close() })
	if err := server.AddScheme(wordScheme("good")); err != nil {
		t.Fatal(err)
	}
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("word://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s, server, ln.Addr()
}

// wordClient connects by the scheme, and says the word.
func wordClient(t *testing.T, word string, at net.Addr) (*Conn, error) {
	t.Helper()
	c := newSide(true, 40, 41)
	client := NewClient(c.reg, &c.cfg)
	t.Cleanup(func() { client.Close() })
	if err := client.AddScheme(wordScheme(word)); err != nil {
		t.Fatal(err)
	}
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	return client.Connect(t.Context(), "word://"+at.String())
}

func TestAConnOpensAfterItsScheme(t *testing.T) {
	opened := make(chan struct{}, 1)
	tokens := make(chan string, 1)
	s, server, at := wordServer(t, func(c *Config) {
		c.OnOpen = func(*Conn) { opened <- struct{}{} }
		c.Authenticate = func(_ *Conn, cred Credentials) error { tokens <- string(cred.Token); return nil }
	})
	nc, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	await.True(t, "the socket is on the loop", func() bool {
		server.mu.Lock()
		defer server.mu.Unlock()
		return server.conns.n == 1
	})
	if len(opened) != 0 || server.NumConns() != 0 {
		t.Error("the conn is open before its scheme's handshake")
	}
	if _, err := wordClient(t, "good", at); err != nil {
		t.Fatal(err)
	}
	wait(t, "OnOpen", opened)
	if got := wait(t, "token", tokens); got != "token of the word" {
		t.Errorf("the token is %q", got)
	}
	s.next(t, "made")
}

func TestASchemeThatFailsIsNoConn(t *testing.T) {
	s, server, at := wordServer(t, nil)
	if _, err := wordClient(t, "bad!", at); !errors.Is(err, ErrScheme) {
		t.Errorf("Connect: %v, want %v", err, ErrScheme)
	}
	await.True(t, "it is counted", func() bool { return server.Stats().Refused[ErrScheme.Error()] == 1 })
	if len(s.events) != 0 {
		t.Errorf("the program was told %v", <-s.events)
	}
}

// Whatever ends a socket before its scheme's handshake is done: the program does not hear of it.
func TestEndsBeforeTheScheme(t *testing.T) {
	for name, end := range map[string]func(server *Server, nc net.Conn){
		"the other side": func(_ *Server, nc net.Conn) { nc.Close() },
		"Close":          func(server *Server, _ net.Conn) { server.Close() },
		"Shutdown":       func(server *Server, _ net.Conn) { server.Shutdown(context.Background()) },
		"Abort":          func(server *Server, _ net.Conn) { server.Conn(1).Abort(io.ErrNoProgress) },
		"Softquit":       func(server *Server, _ net.Conn) { server.Conn(1).Softquit("early") },
		"time":           func(*Server, net.Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			s, server, at := wordServer(t, func(c *Config) {
				if name == "time" {
					c.Handshake = 100 * time.Millisecond
				}
			})
			nc, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			await.True(t, "the conn", func() bool { return server.Conn(1) != nil })
			end(server, nc)
			if name != "the other side" {
				nc.SetDeadline(time.Now().Add(10 * time.Second))
				if _, err := nc.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the socket is not closed: %v", err)
				}
			}
			await.True(t, "it is gone", func() bool {
				server.mu.Lock()
				defer server.mu.Unlock()
				return server.conns.n == 0
			})
			if len(s.events) != 0 {
				t.Errorf("the program was told %v", <-s.events)
			}
		})
	}
}

func TestServeConn(t *testing.T) {
	s, server, _ := wordServer(t, nil)
	near, far := net.Pipe()
	defer far.Close()
	if err := server.ServeConn(near, wordScheme("good")); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(far, "bad!")
	await.True(t, "it is refused", func() bool { return server.Stats().Refused[ErrScheme.Error()] == 1 })
	if err := server.ServeConn(nil, wordScheme("good")); !errors.Is(err, ErrNil) {
		t.Errorf("nil: %v", err)
	}
	one, other := net.Pipe()
	defer other.Close()
	if err := server.ServeConn(one, Scheme{}); !errors.Is(err, ErrSchemeName) {
		t.Errorf("a scheme that opens nothing: %v", err)
	}
	if _, err := one.Write([]byte("x")); err == nil {
		t.Error("what was not taken is not closed")
	}
	server.Close()
	late, other2 := net.Pipe()
	defer other2.Close()
	if err := server.ServeConn(late, wordScheme("good")); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed server: %v", err)
	}
	if len(s.events) != 0 {
		t.Errorf("the program was told %v", <-s.events)
	}
}

func TestAddScheme(t *testing.T) {
	p := NewServer(newSide(false, 17, 18).reg, nil)
	defer p.Close()
	open := wordScheme("good").Open
	for _, s := range []Scheme{{}, {Name: "x"}, {Open: open}, {Name: "tcp", Open: open}, {Name: "any", Open: open}} {
		if err := p.AddScheme(s); !errors.Is(err, ErrSchemeName) {
			t.Errorf("%q: %v", s.Name, err)
		}
	}
	if err := p.AddScheme(wordScheme("good")); err != nil {
		t.Error(err)
	}
	if err := p.AddScheme(wordScheme("good")); !errors.Is(err, ErrSchemeName) {
		t.Errorf("twice: %v", err)
	}
	if err := new(Server).AddScheme(wordScheme("good")); !errors.Is(err, ErrNoPeer) {
		t.Errorf("a server that is none: %v", err)
	}
}

// Without any scheme, any:// tells TLS from the rest.
func TestAnyTellsTLSFromTheRest(t *testing.T) {
	ca := newCA(t)
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	s.cfg.TLS, c.cfg.TLS = ca.server(t), ca.client(t)
	leak.Check(t)
	server, client := NewServer(s.reg, &s.cfg), NewClient(c.reg, &c.cfg)
	for _, p := range []*Peer{server.Peer, client.Peer} {
		defer p.Close()
		if err := p.RunAsync(); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := server.Listen("any://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"tcp", "tls"} {
		if _, err := client.Connect(t.Context(), network+"://"+ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if got := s.next(t, "made").conn.TLS() != nil; got != (network == "tls") {
			t.Errorf("%s: TLS at the server is %v", network, got)
		}
	}
	if _, err := client.Connect(t.Context(), "any://"+ln.Addr().String()); err == nil {
		t.Error("a client connects to any://")
	}
}

// A listener on any:// ends with the sockets that have said nothing.
func TestTheEndOfAListenerOnAnyEndsItsSockets(t *testing.T) {
	leak.Check(t)
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("any://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	await.True(t, "it is admitted", func() bool {
		server.admission.mu.Lock()
		defer server.admission.mu.Unlock()
		return server.admission.half.len() == 1
	})
	ln.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}
