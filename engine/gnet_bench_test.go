//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"testing"

	"github.com/panjf2000/gnet/v2"
)

// stillConn is one of gnet's conns without a socket.
type stillConn struct {
	gnet.Conn
	ctx any
	in  []byte
	out int
}

func (c *stillConn) Context() any                { return c.ctx }
func (c *stillConn) SetContext(ctx any)          { c.ctx = ctx }
func (c *stillConn) Next(int) ([]byte, error)    { return c.in, nil }
func (c *stillConn) Write(b []byte) (int, error) { c.out += len(b); return len(b), nil }
func (c *stillConn) OutboundBuffered() int       { return 0 }
func (c *stillConn) Fd() int                     { return -1 }
func (c *stillConn) EventLoop() gnet.EventLoop   { return stillLoop{} }

// stillLoop is one of gnet's loops that closes nothing.
type stillLoop struct{ gnet.EventLoop }

func (stillLoop) Close(gnet.Conn) error { return nil }

// BenchmarkEvent is what the engine adds to what gnet costs for one share of
// input. Nothing is answered: no system call is in it.
func BenchmarkEvent(b *testing.B) {
	r := New(nil)
	l := r.loops[0]
	got := 0
	c := &Conn{loop: l, handler: &hooks{received: func(_ *Conn, b []byte) int {
		got += len(b)
		return len(b)
	}}}
	c.tr = (*socket)(c)
	p := &poller{loop: l}
	gc := &stillConn{ctx: &enrolment{s: (*socket)(c)}, in: make([]byte, 70)}
	p.OnOpen(&stillConn{})
	defer p.callbacks.end()
	p.OnOpen(gc)
	p.callbacks.run() // the wake-up: what opening has asked for
	b.ReportAllocs()
	for b.Loop() {
		p.OnTraffic(gc)
	}
	if got < 70*b.N {
		b.Fatalf("%d bytes came in", got)
	}
}
