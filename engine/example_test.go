package engine_test

import (
	"fmt"
	"io"
	"log"
	"net"

	"github.com/packetmq/packetmq/engine"
)

// echo sends back what it receives.
type echo struct{}

func (echo) Opened(*engine.Conn) {}
func (echo) Received(c *engine.Conn, b []byte) int {
	if out := c.Out(); out != nil {
		out.B = append(out.B, b...)
	}
	return len(b)
}
func (echo) Expired(*engine.Conn)        {}
func (echo) Pressure(*engine.Conn, bool) {}
func (echo) Drain(c *engine.Conn)        { c.Finish(0) }
func (echo) Closed(*engine.Conn, error)  {}

func Example() {
	r := engine.New(nil)
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*engine.Conn, engine.Handler) {
		return new(engine.Conn), echo{}
	})
	if err != nil {
		log.Fatal(err)
	}
	r.RunAsync()
	defer r.Close()

	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "hello")
	b := make([]byte, 5)
	io.ReadFull(nc, b)
	fmt.Printf("%s\n", b)
	// Output: hello
}

// Work that would hold the loop up runs elsewhere; its result comes back onto
// the loop.
func ExampleOffload() {
	r := engine.New(nil)
	r.RunAsync()
	defer r.Close()
	done := make(chan struct{})
	engine.Offload(r.Loops()[0],
		func() (int, error) { return 6 * 7, nil },
		func(n int, err error) { fmt.Println(n, err, r.OnLoop()); close(done) })
	<-done
	// Output: 42 <nil> true
}
