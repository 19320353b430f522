// Package p declares what the snippet of proxy-protocol.md takes for granted.
package p

import (
	"log"
	"net/netip"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var reg = registry.New()
