//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"net"
	"path/filepath"
	"testing"
)

// zoned is a net.Conn with addresses that have zones.
type zoned struct {
	net.Conn
	local, remote *net.TCPAddr
}

func (z *zoned) LocalAddr() net.Addr  { return z.local }
func (z *zoned) RemoteAddr() net.Addr { return z.remote }

// gnet puts the bytes of a socket's zones into its buffer pool, where others
// write to them. The zones it finds are empty, and the conn's addresses keep
// theirs.
func TestZonesAreNotHandedToThePoller(t *testing.T) {
	r := start(t, nil)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	addr := func(port int) *net.TCPAddr {
		return &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: port, Zone: "lo"}
	}
	nc := &zoned{ours, addr(1), addr(2)}
	c := new(Conn)
	if err := r.enrol(t.Context(), nc, c, &hooks{}); err == nil {
		t.Error("the poller took a pipe")
	}
	if nc.local.Zone != "" || nc.remote.Zone != "" {
		t.Errorf("the poller saw the zones %q and %q", nc.local.Zone, nc.remote.Zone)
	}
	if l, r := c.LocalAddr().String(), c.RemoteAddr().String(); l != "[fe80::1%lo]:1" || r != "[fe80::1%lo]:2" {
		t.Errorf("the conn's addresses are %s and %s", l, r)
	}
}

// A write that fails between two shares of what was read ends the conn after
// the others: the other side may have said in them why it closed.
func TestInputAfterAFailedWriteIsDelivered(t *testing.T) {
	const size, share = 64 << 10, 8 << 10
	r := start(t, nil)
	got, opened, closed := 0, make(chan struct{}), make(chan int, 1)
	h := &hooks{
		opened: func(*Conn) { close(opened) },
		received: func(c *Conn, b []byte) int {
			if out := c.Out(); out != nil {
				out.B = append(out.B, make([]byte, chunk)...)
			}
			n := min(len(b), share)
			got += n
			return n
		},
		closed: func(*Conn, error) { closed <- got },
	}
	ln, err := r.Listen("unix", filepath.Join(t.TempDir(), "s"), func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	nc := dial(t, ln)
	wait(t, "conn", opened)
	gone := make(chan struct{})
	r.Post(func() { <-gone }) // both the input and the end are there when it is read
	if _, err := nc.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	close(gone)
	if n := wait(t, "close", closed); n != size {
		t.Errorf("%d bytes were delivered, want %d", n, size)
	}
}
