//go:build unix

package restart_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/restart"
)

// Two processes, here in one: the second takes over from the first.
func Example() {
	dir, err := os.MkdirTemp("", "restart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	process := func(name string) (*peer.Server, *restart.Restart) {
		srv := peer.NewServer(registry.New(), nil)
		srv.RunAsync()
		r, err := restart.New(&restart.Config{Path: filepath.Join(dir, "control"), States: []restart.State{{
			Name:   "names",
			Export: func() ([]byte, error) { return []byte(name), nil },
			Import: func(b []byte) error { fmt.Printf("%s goes on after %s\n", name, b); return nil },
		}}})
		if err != nil {
			log.Fatal(err)
		}
		sockets, err := r.Take(context.Background())
		if err != nil && !errors.Is(err, restart.ErrNobody) {
			log.Fatal(err)
		}
		if err := r.Commit(context.Background()); err != nil {
			log.Fatal(err)
		}
		ln, err := srv.Listen("127.0.0.1:0") // in a real program only where there are no sockets
		if len(sockets) > 0 {
			ln.Close()
			ln, err = srv.Serve(sockets[0].Listener)
		}
		if err != nil {
			log.Fatal(err)
		}
		if err := r.Offer(restart.Listener{Name: "game", Listener: ln}); err != nil {
			log.Fatal(err)
		}
		return srv, r
	}
	old, r := process("the old one")
	next, last := process("the new one")
	<-r.Replaced()
	old.Drain(context.Background(), peer.Drain{})
	fmt.Println("the old one has ended")
	last.Close()
	next.Close()
	// Output:
	// the new one goes on after the old one
	// the old one has ended
}
