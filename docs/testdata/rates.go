// Package p declares what the snippet of rates.md takes for granted.
package p

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/registry"
)

type Search struct{ Text string }

var (
	srv    *peer.Server
	search = registry.Define[Search]("app:search", 17)
)

func onSearch(*peer.Conn, *Search) error { return nil }
