package peer_test

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A server lets in who knows the password. Comparing in constant time tells
// nobody how much of a guess was right. Over a network this belongs on tls://,
// with Config.TLS on both sides.
func ExampleConfig_authenticate() {
	password := []byte("open sesame")
	srv := peer.NewServer(registry.New(), &peer.Config{
		Identity: peer.Identity{
			Authenticate: func(c *peer.Conn, cred peer.Credentials) error {
				if subtle.ConstantTimeCompare(cred.Token, password) != 1 {
					return errors.New("wrong password")
				}
				return nil
			},
		},
	})
	srv.RunAsync()
	defer srv.Close()

	connect := func(token string) error {
		cli := peer.NewMemoryClient(registry.NewAdapting(), &peer.Config{
			Identity: peer.Identity{Token: func(c *peer.Conn) []byte { return []byte(token) }},
		})
		if err := cli.RunAsync(); err != nil {
			log.Fatal(err)
		}
		defer cli.Close()
		_, err := cli.Connect(context.Background(), srv)
		return err
	}
	fmt.Println(connect("open wheat"))
	fmt.Println(connect("open sesame"))
	// Output:
	// reason.denied
	// <nil>
}
