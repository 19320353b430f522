package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// client is one terminal in the room. Its fields are touched on its loop only.
type client struct {
	*calls
	screen
	name    string
	quit    context.CancelFunc
	leaving bool
	err     error // why it could not join
}

// runClient connects to addr and joins as name; it returns when the console
// says /quit or ends, when ctx is done, or when the server ends it.
func runClient(ctx context.Context, addr, name string, in io.Reader, out io.Writer) error {
	stay, quit := context.WithCancel(ctx) // not for Connect: made may quit before that returns
	defer quit()
	c := &client{screen: screen{out}, name: name, quit: quit}
	p := peer.NewClient(withPackets(registry.NewAdapting()), &peer.Config{Events: peer.Events{OnMade: c.made, OnLost: c.lost}})
	peer.Handle(p, chatPub, c.onPub)
	peer.Handle(p, chatCmd, c.onCmd)
	err := p.RunAsync()
	if err == nil {
		_, err = p.Connect(ctx, addr)
	}
	if err == nil {
		go readLines(in, p.Reactor(), c.line, quit)
		<-stay.Done()
	}
	p.Reactor().Post(func() { c.leaving = true })
	err = errors.Join(err, p.Shutdown(context.Background()))
	return errors.Join(c.err, err)
}

func (c *client) made(conn *peer.Conn) {
	c.calls = newCalls(conn)
	c.ask("join", []string{c.name}, func(a Answer) {
		c.answer(Answer{Lines: a.Lines})
		if a.Fault != "" {
			c.err = fmt.Errorf("join: %s", a.Fault)
			c.quit()
		}
	})
}

func (c *client) lost(_ *peer.Conn, reason error) {
	c.quit()
	if c.calls == nil || c.leaving {
		return
	}
	if why := whyLeft(reason); why != "" {
		c.printf("-- you are out (%s)", why)
	} else {
		c.printf("-- the server has closed")
	}
	c.end()
}

func (c *client) onPub(_ *peer.Conn, m *PubMsg) error {
	c.public(m)
	return nil
}

// onCmd takes answers; this client does nothing for the server.
func (c *client) onCmd(_ *peer.Conn, v *SendCmd) error {
	c.take(v, func(v *SendCmd, answer func(Answer)) { answer(Answer{Fault: "unknown command " + v.Name}) })
	return nil
}

// line is a line of the console: a command, which the server knows if not this
// client, or something to say.
func (c *client) line(line string) {
	name, args := command(line)
	switch {
	case line == "":
	case name == "quit":
		c.quit()
	case name != "":
		c.ask(name, args, c.answer)
	default:
		if err := peer.Send(c.conn, chatMsg, &Msg{line}); err != nil {
			c.printf("! not said: %v", err)
		}
	}
}
