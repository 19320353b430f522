package throttle

import (
	"net"
	"net/netip"
	"testing"
)

func TestAddrKey(t *testing.T) {
	for _, test := range []struct {
		remote net.Addr
		want   string // empty: none
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}, "192.0.2.7"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.7")}, "192.0.2.7"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3:4:5:6")}, "2001:db8:1:2::"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::"},
		{&net.TCPAddr{}, ""},
		{&net.UnixAddr{Name: "/s", Net: "unix"}, ""},
		{nil, ""},
	} {
		key, ok := AddrKey(test.remote)
		if ok != (test.want != "") || ok && key != netip.MustParseAddr(test.want) {
			t.Errorf("%v is counted as %v, %v, want %q", test.remote, key, ok, test.want)
		}
	}
}
