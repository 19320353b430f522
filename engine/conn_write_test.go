package engine

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"
)

// What Direct takes comes after what was written before it and before what
// follows, however much of it the socket takes.
func TestDirect(t *testing.T) {
	for _, size := range []int{directFrom - 1, directFrom, chunk, flushFrom - 5, flushFrom - 4, flushFrom, 1 << 20, 7 << 20} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i>>8 ^ i)
		}
		type outcome struct {
			direct bool
			copied int
		}
		got := make(chan outcome, 1)
		r := start(t, nil)
		nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
			out := c.Out()
			out.B = append(out.B, "head"...)
			var o outcome
			if o.direct = c.Direct(body); !o.direct {
				out.B = append(out.B, body...)
			}
			o.copied = len(out.B)
			got <- o
			out = c.Out()
			out.B = append(out.B, "tail"...)
			return len(b)
		}})
		nc.SetDeadline(time.Now().Add(patience))
		io.WriteString(nc, "x")
		o := wait(t, "callback", got)
		all := make([]byte, size+8)
		if _, err := io.ReadFull(nc, all); err != nil {
			t.Fatal(err)
		}
		if want := append(append([]byte("head"), body...), "tail"...); !bytes.Equal(all, want) {
			t.Errorf("%d bytes did not arrive as they were sent", size)
		}
		if want := 4+size >= flushFrom && runtime.GOOS == "linux"; o.direct != want {
			t.Errorf("%d bytes: Direct is %v, want %v", size, o.direct, want)
		}
		if o.direct && o.copied >= 4+size {
			t.Errorf("%d bytes: all of it was copied", size)
		}
	}
}

// Direct leaves to Out what it is not for.
func TestDirectRefuses(t *testing.T) {
	body := make([]byte, flushFrom)
	r := start(t, nil)
	got := make(chan map[string]bool, 1)
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		refused := map[string]bool{"nothing from Out": !c.Direct(body)}
		out := c.Out()
		refused["nothing before it"] = !c.Direct(body)
		out.B = append(out.B, 1)
		c.SetDelayOutput(true)
		refused["output that is held back"] = !c.Direct(body)
		c.SetDelayOutput(false)
		c.backlog++
		refused["output in the transport"] = !c.Direct(body)
		c.backlog--
		c.flags.set(gnetHasOutput)
		refused["output in gnet"] = !c.Direct(body)
		c.flags.unset(gnetHasOutput)
		c.state = finishing
		refused["a conn that ends"] = !c.Direct(body)
		c.state = open
		got <- refused
		return len(b)
	}})
	io.WriteString(nc, "x")
	for what, refused := range wait(t, "callback", got) {
		if !refused {
			t.Errorf("%s: Direct took it", what)
		}
	}
}
