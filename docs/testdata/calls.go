// Package p declares what the snippets of calls.md take for granted.
package p

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

func price(*Order) int      { return 3 }
func credit(*peer.Conn) int { return 10 }
