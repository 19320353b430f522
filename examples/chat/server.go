package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const (
	maxName  = 16               // letters and digits
	joinTime = 10 * time.Second // to say a name, from connecting
)

// server is the room. All its fields are touched on the loop only, whatever
// happens: packets, conns that come and go, lines of the console, timers. So
// the maps are plain maps.
type server struct {
	*peer.Server
	screen
	now     func() time.Time
	quit    context.CancelFunc
	closing bool

	guests map[*peer.Conn]*guest
	names  map[string]*guest // those who have joined, by name in lower case
}

// guest is somebody connected. Who has not joined yet has no name, hears
// nothing and may say nothing.
type guest struct {
	*calls
	name  string
	since time.Time
	timer *engine.Timer // until joined
}

// runServer runs a room at addr until ctx is done or its console says /quit.
func runServer(ctx context.Context, addr string, in io.Reader, out io.Writer, now func() time.Time) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s := &server{
		screen: screen{out}, now: now, quit: quit,
		guests: make(map[*peer.Conn]*guest), names: make(map[string]*guest),
	}
	s.Server = peer.NewServer(withPackets(registry.New()), &peer.Config{Events: peer.Events{OnMade: s.made, OnLost: s.lost}})
	peer.Handle(s, chatMsg, s.onMsg)
	peer.Handle(s, chatCmd, s.onCmd)
	err := s.RunAsync()
	if err == nil {
		err = openHouse(ctx, s)
	}
	if err == nil {
		err = s.open(addr, in)
	}
	if err == nil {
		<-ctx.Done()
	}
	s.Reactor().Post(func() { s.closing = true })
	return errors.Join(err, s.Shutdown(context.Background()))
}

func (s *server) open(addr string, in io.Reader) error {
	ln, err := s.Listen(addr)
	if err != nil {
		return err
	}
	loop := s.Reactor()
	loop.Post(func() { s.printf("listening on %v", ln.Addr()) })
	go readLines(in, loop, s.line, func() {}) // without a console the room stays open
	return nil
}

func (s *server) made(c *peer.Conn) {
	g := &guest{calls: newCalls(c)}
	g.timer = c.Loop().After(joinTime, func() { c.Softquit("no name was given") })
	s.guests[c] = g
}

func (s *server) lost(c *peer.Conn, reason error) {
	g := s.guests[c]
	if g == nil {
		return // it was never made
	}
	delete(s.guests, c)
	g.timer.Stop()
	g.end()
	if g.name == "" {
		return
	}
	delete(s.names, strings.ToLower(g.name))
	if !s.closing {
		s.tell(&PubMsg{Kind: Left, From: g.name, Text: whyLeft(reason)})
	}
}

// tell tells all who have joined, and the console. An error of Broadcast is
// that of a conn on its way out, which lost is told about.
func (s *server) tell(m *PubMsg, except ...*peer.Conn) {
	m.Time = s.now().Unix()
	for c, g := range s.guests {
		if g.name == "" {
			except = append(except, c)
		}
	}
	peer.Broadcast(s, chatPub, m, except...)
	s.public(m)
}

func (s *server) onMsg(c *peer.Conn, v *Msg) error {
	g := s.guests[c]
	if g.name == "" {
		return peer.Reason("join first")
	}
	if text := strings.TrimSpace(v.Text); text != "" {
		s.tell(&PubMsg{Kind: Said, From: g.name, Text: text})
	}
	return nil
}

func (s *server) onCmd(c *peer.Conn, v *SendCmd) error {
	g := s.guests[c]
	g.take(v, func(v *SendCmd, answer func(Answer)) { s.do(g, v, answer) })
	return nil
}

// do does a guest's command. Those that the server does not know are asked of
// the house; its answer is passed on when it comes.
func (s *server) do(g *guest, v *SendCmd, answer func(Answer)) {
	house := s.names[houseName]
	switch {
	case v.Name == "join":
		answer(s.join(g, v.Args))
	case g.name == "":
		answer(Answer{Fault: "join first"})
	case v.Name == "who":
		answer(Answer{Lines: []string{s.who()}})
	case v.Name == "me" && len(v.Args) == 0:
		answer(Answer{Lines: []string{fmt.Sprintf("you are %s, at %v, here since %s", g.name, g.conn.RemoteAddr(), clock(g.since))}})
	case v.Name == "me":
		answer(Answer{})
		s.tell(&PubMsg{Kind: Did, From: g.name, Text: strings.Join(v.Args, " ")})
	case house == nil || house == g:
		answer(Answer{Fault: "unknown command " + v.Name})
	default:
		house.ask(v.Name, v.Args, answer)
	}
}

func (s *server) join(g *guest, args []string) Answer {
	name := strings.Join(args, " ")
	key := strings.ToLower(name)
	switch {
	case g.name != "":
		return Answer{Fault: "you are " + g.name + " already"}
	case !validName(name):
		return Answer{Fault: fmt.Sprintf("a name is 1 to %d letters and digits", maxName)}
	case s.names[key] != nil:
		return Answer{Fault: "the name " + name + " is taken"}
	}
	g.timer.Stop()
	g.name, g.since = name, s.now()
	s.names[key] = g
	s.tell(&PubMsg{Kind: Joined, From: name}, g.conn)
	return Answer{Lines: []string{"welcome, " + name, s.who()}}
}

func validName(name string) bool {
	n := 0
	for _, r := range name {
		if n++; n > maxName || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return n > 0
}

func (s *server) who() string {
	var names []string
	for _, g := range s.names {
		names = append(names, g.name)
	}
	slices.Sort(names)
	return fmt.Sprintf("%d here: %s", len(names), strings.Join(names, ", "))
}

// line is a line of the console. It was posted to the loop, like everything
// else that comes from outside of it.
func (s *server) line(line string) {
	name, args := command(line)
	switch {
	case line == "":
	case name == "who":
		s.printf("%s", s.who())
	case name == "kick" && len(args) > 0:
		s.kick(args[0], strings.Join(args[1:], " "))
	case name == "say" && len(args) > 0:
		s.tell(&PubMsg{Kind: Said, Text: strings.Join(args, " ")})
	case name == "quit":
		s.quit()
	default:
		s.printf("! /who, /kick NAME [reason], /say TEXT, /quit")
	}
}

// kick ends a guest's conn with a reason, which the guest's client is told
// and prints; lost tells the others.
func (s *server) kick(name, why string) {
	g := s.names[strings.ToLower(name)]
	switch {
	case g == nil:
		s.printf("! there is no %s here", name)
		return
	case g.name == houseName:
		s.printf("! the house stays")
		return
	}
	reason := peer.Reason("kicked")
	if why != "" {
		reason += ": " + peer.Reason(why)
	}
	g.conn.Softquit(reason)
}
