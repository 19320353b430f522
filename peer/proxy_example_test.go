package peer_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A server behind a load balancer at 127.0.0.1, which begins each conn with a PROXY header.
// Here the program plays the load balancer.
func ExampleConn_ProxyAddr() {
	reg := registry.New()
	made := make(chan *peer.Conn, 1)
	cfg := new(peer.Config)
	cfg.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	cfg.OnMade = func(c *peer.Conn) { made <- c }
	server := peer.NewServer(reg, cfg)
	defer server.Close()
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server.RunAsync()

	client := peer.NewClient(registry.NewAdapting(), nil)
	defer client.Close()
	client.RunAsync()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	io.WriteString(nc, "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n")
	if _, err := client.Inject(context.Background(), nc); err != nil {
		panic(err)
	}

	c := <-made
	host, _, _ := net.SplitHostPort(c.ProxyAddr().String())
	fmt.Println("client", c.RemoteAddr(), "through", host)
	// Output: client 192.0.2.1:40000 through 127.0.0.1
}
