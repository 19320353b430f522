//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"net"
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
