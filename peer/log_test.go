package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/registry"
)

// failing is a logger that fails in the way of fail.
type failing struct {
	slog.Handler
	fail func()
}

func (f failing) Enabled(context.Context, slog.Level) bool  { f.fail(); return true }
func (f failing) Handle(context.Context, slog.Record) error { f.fail(); return nil }

// spoil has strangers and a bug of the program's give the server something to log.
func spoil(t *testing.T, w *world, times int) {
	t.Helper()
	Handle(w.server, w.s.ping, func(*Conn, *note) error { panic("a bug") })
	for range times {
		_, cc := w.handshake(t)
		Send(cc, w.c.ping, &note{})
		w.s.next(t, "lost")
		w.c.next(t, "lost")
	}
}

// Conns are served whatever the logger does.
func TestLoggerCannotHoldAPeerUp(t *testing.T) {
	forever := make(chan struct{})
	defer close(forever)
	for name, fail := range map[string]func(){
		"blocks": func() { <-forever },
		"panics": func() { panic("in the logger") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			s.cfg.Logger = slog.New(failing{slog.DiscardHandler, fail})
			server, client := NewServer(s.reg, &s.cfg), NewClient(c.reg, &c.cfg)
			ln := open(t, server)
			defer client.Close()
			client.RunAsync()
			w := &world{server: server, client: client.Peer, s: s, c: c, connect: func(ctx context.Context) (*Conn, error) {
				return client.Connect(ctx, ln.Addr().String())
			}}
			for range 50 {
				dialTo(t, ln).Write([]byte("GET / HTTP/1.1\r\n\r\n"))
				s.next(t, "lost")
			}
			spoil(t, w, 20)
			pings := inbox(t, server, s.ping, 1)
			_, cc := w.handshake(t)
			Send(cc, c.ping, &note{})
			wait(t, "packet", pings)
			server.Close()
		})
	}
}

// book is a log that can be read while it is written.
type book struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *book) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// lines is every line with that message.
func (l *book) lines(msg string) (found []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range strings.Split(strings.TrimSpace(l.b.String()), "\n") {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == msg {
			found = append(found, line)
		}
	}
	return found
}

// What strangers can make a server say leaves out nothing of what is wrong with the
// program.
func TestStrangersDoNotDrownOutTheProgramsFaults(t *testing.T) {
	log := new(book)
	s := newSide(false, 17, 18)
	s.cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
	oops := errors.New("oops")
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	Handle(server, s.ping, func(*Conn, *note) error { panic("a bug") })
	server.Untyped().HandleRaw("test:pong", func(*Conn, []byte) error { return oops })
	const panics = 5
	for i := range 10 * panics {
		for range 3 {
			dialTo(t, ln).Write([]byte("GET / HTTP/1.1\r\n\r\n"))
			s.next(t, "lost")
		}
		if i%10 == 0 {
			for _, id := range []uint16{17, 18} {
				w := dialTo(t, ln)
				w.shake(3)
				s.next(t, "made")
				w.send(id, []byte{0x80})
				s.next(t, "lost")
			}
		}
	}
	server.Close()
	if n := len(log.lines("handshake failed")); n == 0 {
		t.Error("nothing is told of the strangers")
	}
	if n := len(log.lines("handler panicked")); n != panics {
		t.Errorf("%d panics of %d are in the log", n, panics)
	}
	if n := len(log.lines("handler failed")); n != panics {
		t.Errorf("%d errors of %d are in the log", n, panics)
	}
}

// A line says what has happened to whom, in words, in every format.
func TestLinesSayWhatHappened(t *testing.T) {
	for name, test := range map[string]struct {
		setUp  func(s *side)
		do     func(w *wire)
		msg    string
		reason Reason // of the conn; empty: there was none yet
	}{
		"one too many":  {func(s *side) { s.cfg.PerAddr = 1 }, func(w *wire) { w.shake(3); wireOver(w.t, another(w)).recv() }, "socket not let in", ""},
		"bad handshake": {nil, func(w *wire) { w.Write([]byte("GET / HTTP/1.1\r\n\r\n")) }, "handshake failed", ReasonFrame},
		"denied": {func(s *side) { s.cfg.Authenticate = func(*Conn, Credentials) error { return errBroken } },
			func(w *wire) { w.shake(2) }, "conn denied", ReasonDenied},
		"other packets": {nil, func(w *wire) {
			w.shake(1)
			w.expect(2)
			w.send(2, pubIDsMsg{adapt: true}.append(nil))
			w.expect(3)
			w.send(2, nil)
		}, "handshake failed", ReasonProtocol},
		"bad packet":    {nil, func(w *wire) { w.shake(3); w.send(17, []byte{0xc1}) }, "conn ended", ReasonPayload},
		"half a frame":  {func(s *side) { s.cfg.FrameTime = time.Millisecond }, func(w *wire) { w.shake(3); w.Write([]byte{0, 0}) }, "conn ended", ReasonTimeout},
		"handler error": {nil, func(w *wire) { w.shake(3); w.send(18, []byte{0xc0}) }, "handler failed", ReasonHandler},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(book)
			s := newSide(false, 17, 18)
			s.cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
			s.cfg.NoExtensions = true
			if test.setUp != nil {
				test.setUp(s)
			}
			s.cfg.OnPacket = func(*Conn, *registry.Type, any) error { return errBroken }
			server := NewServer(s.reg, &s.cfg)
			w := dialTo(t, open(t, server))
			test.do(w)
			eventually(t, "line", func() bool { return len(log.lines(test.msg)) == 1 })
			line := log.lines(test.msg)[0]
			host, _, err := net.SplitHostPort(line["remote"].(string))
			if err != nil || host != "127.0.0.1" {
				t.Errorf("the address is %v", line["remote"])
			}
			if test.reason != "" && line["reason"] != string(test.reason) {
				t.Errorf("the reason is %v, want %v", line["reason"], test.reason)
			}
			if text, _ := line["err"].(string); text == "" {
				t.Errorf("the error is %v", line["err"])
			}
		})
	}
}

// another is a second conn to the server that w has dialled.
func another(w *wire) net.Conn {
	nc, err := net.Dial("tcp", w.RemoteAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	return nc
}
