package peer

// What a header of a proxy costs a conn.

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

// A conn from the dial to OnMade, without and with a proxy.
func BenchmarkProxyHeader(b *testing.B) {
	for _, kind := range []struct{ name, header string }{{"none", ""}, {"version 1", proxyHeader(someClient)}, {"version 2", ipv4Client}} {
		b.Run(kind.name, func(b *testing.B) {
			made := make(chan struct{}, 1)
			var cfg Config
			cfg.OnMade = func(*Conn) { made <- struct{}{} }
			cfg.SkipHandshake = true
			if kind.header != "" {
				cfg.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
			server := NewServer(newSide(false, 17, 18).reg, &cfg)
			defer server.Close()
			ln, err := server.Listen("127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			if err := server.RunAsync(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				io.WriteString(nc, kind.header)
				<-made
				nc.Close()
			}
		})
	}
}
