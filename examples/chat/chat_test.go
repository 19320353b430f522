package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// noon is what every clock shows.
func noon() time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 0, time.Local) }

// terminal is one run of the program, with somebody in front of it.
type terminal struct {
	t      *testing.T
	who    string
	in     *io.PipeWriter
	result chan error

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed with the next line
	read  int           // lines that were waited for
}

func start(t *testing.T, who string, args ...string) *terminal {
	r, w := io.Pipe()
	x := &terminal{t: t, who: who, in: w, result: make(chan error, 1), more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		x.result <- run(ctx, args, r, x, noon)
		r.Close()
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return x
}

// Write takes what the program prints: one line each time.
func (x *terminal) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines = append(x.lines, strings.TrimSuffix(string(b), "\n"))
	close(x.more)
	x.more = make(chan struct{})
	return len(b), nil
}

func (x *terminal) types(line string) {
	x.t.Helper()
	if _, err := fmt.Fprintln(x.in, line); err != nil {
		x.t.Fatalf("%s types %q: %v", x.who, line, err)
	}
}

// sees waits until the program has printed a line that begins so, after those
// that were waited for before, and returns the rest of it.
func (x *terminal) sees(prefix string) string {
	x.t.Helper()
	late := time.After(30 * time.Second)
	for {
		x.mu.Lock()
		for x.read < len(x.lines) {
			x.read++
			if rest, ok := strings.CutPrefix(x.lines[x.read-1], prefix); ok {
				x.mu.Unlock()
				return rest
			}
		}
		more := x.more
		x.mu.Unlock()
		select {
		case <-more:
		case <-late:
			x.t.Fatalf("%s never saw %q, but\n%s", x.who, prefix, strings.Join(x.seen(), "\n"))
		}
	}
}

// ends waits until the program has ended.
func (x *terminal) ends() error {
	x.t.Helper()
	select {
	case err := <-x.result:
		return err
	case <-time.After(30 * time.Second):
		x.t.Fatalf("%s never ended, but saw\n%s", x.who, strings.Join(x.seen(), "\n"))
		return nil
	}
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// seen is all that was printed, with addresses made equal.
func (x *terminal) seen() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var lines []string
	for _, line := range x.lines {
		lines = append(lines, address.ReplaceAllString(line, "ADDR"))
	}
	return lines
}

func (x *terminal) check(want ...string) {
	x.t.Helper()
	if got := x.seen(); !slices.Equal(got, want) {
		x.t.Errorf("%s saw\n\t%s\nwant\n\t%s", x.who, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func startServer(t *testing.T) (x *terminal, addr string) {
	x = start(t, "server", "server", "-listen", "127.0.0.1:0")
	return x, x.sees("listening on ")
}

func startClient(t *testing.T, addr, name string) *terminal {
	return start(t, name, "client", "-connect", addr, "-name", name)
}

func all(line string, xs ...*terminal) {
	for _, x := range xs {
		x.t.Helper()
		x.sees(line)
	}
}

func TestChat(t *testing.T) {
	leak.Check(t)
	server, addr := startServer(t)
	ann := startClient(t, addr, "Ann")
	all("12:00 house: hello Ann", server, ann)
	bob := startClient(t, addr, "Bob")
	all("12:00 house: hello Bob", server, ann, bob)
	cid := startClient(t, addr, "Cid")
	all("12:00 house: hello Cid", server, ann, bob, cid)

	ann.types("hi all")
	all("12:00 Ann: hi all", server, ann, bob, cid)
	bob.types("/me waves to Ann")
	all("12:00 * Bob waves to Ann", server, ann, bob, cid)

	ann.types("/me")
	ann.sees("you are Ann")
	bob.types("/time")
	bob.sees("it is 12:00")
	bob.types("/dance")
	bob.sees("! unknown command")
	cid.types("/who")
	cid.sees("4 here: Ann, Bob, Cid, house")

	other := startClient(t, addr, "ann")
	if err := other.ends(); err == nil || err.Error() != "join: the name ann is taken" {
		t.Errorf("a second Ann ended with %v", err)
	}
	other.check()

	server.types("/say behave")
	all("12:00 [server] behave", server, ann, bob, cid)
	server.types("/who")
	server.sees("4 here: Ann, Bob, Cid, house")
	server.types("/kick Dan")
	server.types("/kick house")
	server.types("/kick bob no dancing here")
	all("12:00 -- Bob left", server, ann, cid)
	if err := bob.ends(); err != nil {
		t.Errorf("Bob ended with %v", err)
	}
	cid.types("/quit")
	all("12:00 -- Cid left", server, ann)
	if err := cid.ends(); err != nil {
		t.Errorf("Cid ended with %v", err)
	}
	server.types("dear all")
	server.types("/quit")
	for _, x := range []*terminal{server, ann} {
		if err := x.ends(); err != nil {
			t.Errorf("%s ended with %v", x.who, err)
		}
	}

	server.check(
		"12:00 -- house joined",
		"listening on ADDR",
		"12:00 -- Ann joined",
		"12:00 house: hello Ann, you are one of 2 here",
		"12:00 -- Bob joined",
		"12:00 house: hello Bob, you are one of 3 here",
		"12:00 -- Cid joined",
		"12:00 house: hello Cid, you are one of 4 here",
		"12:00 Ann: hi all",
		"12:00 * Bob waves to Ann",
		"12:00 [server] behave",
		"4 here: Ann, Bob, Cid, house",
		"! there is no Dan here",
		"! the house stays",
		"12:00 -- Bob left (kicked: no dancing here)",
		"12:00 -- Cid left",
		"! /who, /kick NAME [reason], /say TEXT, /quit",
	)
	ann.check(
		"welcome, Ann",
		"2 here: Ann, house",
		"12:00 house: hello Ann, you are one of 2 here",
		"12:00 -- Bob joined",
		"12:00 house: hello Bob, you are one of 3 here",
		"12:00 -- Cid joined",
		"12:00 house: hello Cid, you are one of 4 here",
		"12:00 Ann: hi all",
		"12:00 * Bob waves to Ann",
		"you are Ann, at ADDR, here since 12:00",
		"12:00 [server] behave",
		"12:00 -- Bob left (kicked: no dancing here)",
		"12:00 -- Cid left",
		"-- the server has closed",
	)
	bob.check(
		"welcome, Bob",
		"3 here: Ann, Bob, house",
		"12:00 house: hello Bob, you are one of 3 here",
		"12:00 -- Cid joined",
		"12:00 house: hello Cid, you are one of 4 here",
		"12:00 Ann: hi all",
		"12:00 * Bob waves to Ann",
		"it is 12:00",
		"! unknown command /dance; there are /who, /me, /time, /quit",
		"12:00 [server] behave",
		"-- you are out (kicked: no dancing here)",
	)
	cid.check(
		"welcome, Cid",
		"4 here: Ann, Bob, Cid, house",
		"12:00 house: hello Cid, you are one of 4 here",
		"12:00 Ann: hi all",
		"12:00 * Bob waves to Ann",
		"4 here: Ann, Bob, Cid, house",
		"12:00 [server] behave",
		"12:00 -- Bob left (kicked: no dancing here)",
	)
}

// A console that ends is a guest who leaves, after what was said; one that is
// interrupted leaves too.
func TestLeave(t *testing.T) {
	leak.Check(t)
	server, addr := startServer(t)
	ann := startClient(t, addr, "Ann")
	ann.types("goodbye")
	ann.in.Close()
	if err := ann.ends(); err != nil {
		t.Error(err)
	}
	server.sees("12:00 Ann: goodbye")
	server.sees("12:00 -- Ann left")
	server.in.Close() // a server without a console stays open
	startClient(t, addr, "Bob").sees("12:00 house: hello Bob")
}

// What others send cannot move the cursor, and what is too long is refused
// before it is sent.
func TestText(t *testing.T) {
	leak.Check(t)
	server, addr := startServer(t)
	ann := startClient(t, addr, "Ann")
	ann.sees("12:00 house: hello Ann")
	ann.types("a\x1b[2Jb")
	server.sees("12:00 Ann: a?[2Jb")
	ann.sees("12:00 Ann: a?[2Jb")
	ann.types(strings.Repeat("long ", 1000))
	ann.sees("! not said: ")
	ann.types("short")
	server.sees("12:00 Ann: short")
}

func TestNames(t *testing.T) {
	leak.Check(t)
	_, addr := startServer(t)
	for _, name := range []string{"HOUSE", "a b", "a\x1bb", "abcdefghijklmnopq", "a/b"} {
		if err := startClient(t, addr, name).ends(); err == nil {
			t.Errorf("%q could join", name)
		}
	}
	startClient(t, addr, "Zoë7").sees("welcome, Zoë7")
}

// Who has not joined hears nothing and may say nothing.
func TestStranger(t *testing.T) {
	leak.Check(t)
	_, addr := startServer(t)
	lost := make(chan error, 1)
	c := peer.NewClient(withPackets(registry.NewAdapting()), &peer.Config{Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost <- reason }}})
	defer c.Close()
	heard := make(chan string, 10)
	answers := make(chan *Answer, 1)
	peer.Handle(c, chatPub, func(_ *peer.Conn, m *PubMsg) error { heard <- m.Text; return nil })
	peer.Handle(c, chatCmd, func(_ *peer.Conn, v *SendCmd) error { answers <- v.Answer; return nil })
	if err := c.RunAsync(); err != nil {
		t.Fatal(err)
	}
	conn, err := c.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	startClient(t, addr, "Ann").sees("12:00 house: hello Ann")
	if err := peer.Send(conn, chatCmd, &SendCmd{ID: 1, Name: "who"}); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a == nil || a.Fault != "join first" {
		t.Errorf("who was answered %+v", a)
	}
	if err := peer.Send(conn, chatMsg, &Msg{"hello"}); err != nil {
		t.Fatal(err)
	}
	if reason := <-lost; reason != peer.Reason("join first") {
		t.Errorf("lost because of %v", reason)
	}
	if n := len(heard); n > 0 {
		t.Errorf("heard %q and %d more", <-heard, n-1)
	}
}

func TestUsage(t *testing.T) {
	leak.Check(t)
	for _, args := range [][]string{
		nil,
		{"dance"},
		{"client"},
		{"server", "-unknown"},
		{"server", "more"},
	} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard, noon); err != errUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"server", "-listen", "nowhere"}, strings.NewReader(""), io.Discard, noon); err == nil {
		t.Error("listened nowhere")
	}
	if err := run(t.Context(), []string{"client", "-connect", "nowhere", "-name", "Ann"}, strings.NewReader(""), io.Discard, noon); err == nil {
		t.Error("connected nowhere")
	}
}
