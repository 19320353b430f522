//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"os"
	"testing"

	"github.com/panjf2000/gnet/v2"
)

// stillConn is one of gnet's conns without a socket.
type stillConn struct {
	gnet.Conn
	ctx any
	in  []byte
	fd  int
}

func (c *stillConn) Context() any                { return c.ctx }
func (c *stillConn) Next(int) ([]byte, error)    { return c.in, nil }
func (c *stillConn) Write(b []byte) (int, error) { panic("the null device took less than all") }
func (c *stillConn) Fd() int                     { return c.fd }

// BenchmarkEvent is what the engine adds to what gnet costs for one share of
// input that is answered. The only system call in it is a write to the null
// device.
func BenchmarkEvent(b *testing.B) {
	r := New(nil)
	l := r.loops[0]
	c := &Conn{loop: l, handler: &hooks{
		received: func(c *Conn, b []byte) int {
			out := c.Out()
			out.B = append(out.B, b...)
			return len(b)
		},
	}}
	c.tr = (*socket)(c)
	p := &poller{loop: l}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	gc := &stillConn{ctx: (*socket)(c), in: make([]byte, 70), fd: int(null.Fd())}
	p.OnOpen(&stillConn{})
	defer p.runner.end()
	p.OnOpen(gc)
	p.runner.run() // the bell: what opening has asked for
	b.ReportAllocs()
	for b.Loop() {
		p.OnTraffic(gc)
	}
}
