package replay_test

import (
	"context"
	"fmt"
	"os"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/replay"
)

// Example plays a capture in which nothing happened.
func Example() {
	f, err := os.CreateTemp("", "*.pmqcap")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := capture.New(f, capture.Config{}).Close(); err != nil {
		fmt.Println(err)
		return
	}
	r, err := replay.Run(context.Background(), f.Name(), "../../testdata/counter", "newReplay")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns, len(r.Differences))
	// Output: 0 0
}
