// Package p declares what the snippets of capture.md take for granted.
package p

import (
	"log"
	"os"
	"testing"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/capture/pcap"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var (
	srv *peer.Server
	in  *os.File
	out *os.File
)

type shop struct {
	srv   *peer.Server
	posts capture.Posts
}

func newShop(*peer.Config) *shop { return nil }

var _ *testing.T

var (
	_ = log.Fatal
	_ = pcap.Write
	_ = capture.New
	_ = engine.New
	_ = registry.New
)
