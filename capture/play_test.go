package capture

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// game is a program with all that a capture can have: it answers lines with their number, some
// by a posted function, a timer, or work that is offloaded, and tells prices that come from outside.
type game struct {
	fault string // what is done otherwise
	srv   *peer.Server
	posts Posts
	conns map[uint64]*peer.Conn
	lines int
	price string
}

var errNoSuchAccount = errors.New("no such account")

// newGame makes the program with cfg.
func newGame(cfg *peer.Config, fault string) *game {
	reg, logins, lines := testRegistry(false, 20)
	g := &game{fault: fault, conns: make(map[uint64]*peer.Conn), price: "none"}
	cfg.OnMade = func(c *peer.Conn) { g.conns[c.ID()] = c }
	cfg.OnLost = func(c *peer.Conn, _ error) { delete(g.conns, c.ID()) }
	g.srv = peer.NewServer(reg, cfg)
	say := func(c *peer.Conn, format string, args ...any) {
		peer.Send(c, lines, &line{fmt.Sprintf(format, args...)})
	}
	loop := g.srv.Reactor().Loops()[0]
	peer.Handle(g.srv, logins, func(c *peer.Conn, m *login) error { return peer.Reply(c, lines, &line{"hello " + m.Name}) })
	peer.Handle(g.srv, lines, func(c *peer.Conn, m *line) error {
		g.lines++
		n := g.lines
		switch word, _, _ := strings.Cut(m.Text, " "); word {
		case "post":
			return loop.Post(func() { say(c, "%d posted %s", n, g.price) })
		case "timer":
			loop.After(3*time.Millisecond, func() { say(c, "%d timer %v", n, loop.Time() > 0) })
			return nil
		case "work":
			return engine.Offload(loop, func() (string, error) { return "done outside", nil }, func(s string, err error) {
				say(c, "%d %s %v", n, s, err)
			})
		case "fail":
			return engine.Offload(loop, func() (string, error) { return "", errNoSuchAccount }, func(_ string, err error) {
				say(c, "%d %v", n, errors.Is(err, errNoSuchAccount))
			})
		}
		if g.fault == "answer" && m.Text == "line 2" {
			return peer.Reply(c, lines, &line{"something else"})
		}
		return peer.Reply(c, lines, &line{fmt.Sprintf("%d %s", n, m.Text)})
	})
	g.posts.Handle("price", func(data []byte) {
		g.price = string(data)
		for _, c := range g.conns {
			say(c, "price %s", data)
		}
	})
	if g.fault != "timer" {
		loop.Every(20*time.Millisecond, func() { g.lines += 100 })
	}
	return g
}

// played is newGame for Play.
func played(fault string) func(*engine.Reactor) Program {
	return func(r *engine.Reactor) Program {
		g := newGame(&peer.Config{Reactor: r}, fault)
		return Program{Server: g.srv, Posts: &g.posts, Errors: []error{errNoSuchAccount}}
	}
}

// captured plays with the real program over TCP, and returns the capture.
func captured(t *testing.T, cfg Config) []byte {
	t.Helper()
	var file buffer
	rec := New(&file, cfg)
	g := newGame(&peer.Config{Engine: &engine.Config{Tap: rec}}, "")
	l, err := g.srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	w := &world{addr: l.Addr().String()}
	for range 3 {
		c := w.connect(t, nil)
		for i, text := range []string{"line 1", "line 2", "post", "timer", "work", "fail", "line 3"} {
			if err := peer.Send(c.conn, c.line, &line{text}); err != nil {
				t.Fatal(err)
			}
			await.Value(t, "answer", c.got)
			if i == 2 {
				g.posts.Post(g.srv.Reactor().Loops()[0], "price", []byte("12.50"))
				await.Value(t, "price", c.got)
			}
		}
		c.conn.Loop().Post(func() {
			for i := range 300 {
				peer.Send(c.conn, c.line, &line{fmt.Sprint("many ", i)})
			}
		})
		for range 300 {
			await.Value(t, "answer", c.got)
		}
		c.Close()
	}
	await.True(t, "the conns are gone", func() bool { return g.srv.Reactor().Conns() == 0 })
	g.srv.Close()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return file.bytes()
}

func TestTheSameProgramSendsTheSame(t *testing.T) {
	leak.Check(t)
	for name, output := range map[string]Keep{"bytes": KeepBytes, "sums": KeepSums} {
		reg, _, _ := testRegistry(false, 20)
		file := captured(t, Config{Output: output, Registry: reg})
		result, err := Play(bytes.NewReader(file), played(""), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, d := range result.Differences {
			t.Errorf("%s: %v", name, d)
		}
		all := recordsOf(t, file)
		for _, kind := range []Kind{Called, Posted, Fired, Offloaded} {
			if !slices.ContainsFunc(all, func(r Record) bool { return r.Kind == kind }) {
				t.Errorf("%s: there is no %v", name, kind)
			}
		}
		if result.Conns != 3 || result.Compared < 3*300*10 || result.Unnamed > 0 {
			t.Errorf("%s: the result is %+v", name, result)
		}
	}
}

func TestAnotherProgramIsToldApart(t *testing.T) {
	leak.Check(t)
	reg, _, _ := testRegistry(false, 20)
	file := captured(t, Config{Registry: reg})
	for fault, want := range map[string]string{"answer": "of the output differs", "timer": ""} {
		result, err := Play(bytes.NewReader(file), played(fault), nil)
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(result.Differences, func(d Difference) bool { return strings.Contains(d.Text, want) })
		if !found {
			t.Errorf("%s: no difference says %q: %v", fault, want, result.Differences)
		}
	}
}
