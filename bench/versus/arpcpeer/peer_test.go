package arpcpeer

import (
	"testing"

	"github.com/packetmq/packetmq/bench/versus/peertest"
)

func TestPeer(t *testing.T) { peertest.Test(t, peertest.Peer{Serve: Serve, Call: Call, Mode: "call"}) }
