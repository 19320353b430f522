package memconn_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

// shout answers with capitals.
type shout struct{}

func (shout) Opened(*engine.Conn) {}
func (shout) Received(c *engine.Conn, b []byte) int {
	if out := c.Out(); out != nil {
		out.B = append(out.B, strings.ToUpper(string(b))...)
	}
	return len(b)
}
func (shout) Expired(*engine.Conn)        {}
func (shout) Pressure(*engine.Conn, bool) {}
func (shout) Drain(c *engine.Conn)        { c.Finish(0) }
func (shout) Closed(*engine.Conn, error)  {}

// ask says something, and hands on what comes back.
type ask struct{ answer chan string }

func (ask) Opened(c *engine.Conn) { c.Queue([]byte("anybody there?")) }
func (a ask) Received(_ *engine.Conn, b []byte) int {
	a.answer <- string(b)
	return len(b)
}
func (ask) Expired(*engine.Conn)        {}
func (ask) Pressure(*engine.Conn, bool) {}
func (ask) Drain(c *engine.Conn)        { c.Finish(0) }
func (ask) Closed(*engine.Conn, error)  {}

// Two conns of one process talk over a pair as they would over a socket.
func Example() {
	r := engine.New(nil)
	if err := r.RunAsync(); err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	answer := make(chan string, 1)
	a, b := memconn.Pair(r.Buffers(), r.Buffers())
	if err := r.Attach(a, new(engine.Conn), ask{answer}, nil); err != nil {
		log.Fatal(err)
	}
	if err := r.Attach(b, new(engine.Conn), shout{}, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-answer)
	// Output: ANYBODY THERE?
}
