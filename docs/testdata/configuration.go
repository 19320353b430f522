// Package p declares what the snippet of configuration.md takes for granted.
package p

import (
	"log"
	"time"

	"github.com/packetmq/packetmq/peer"
)
