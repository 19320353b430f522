package clustertest

// The packets of the tests.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

// Note is what the tests send.
type Note struct {
	N    int
	Text string
}

var (
	// Noted is the packet of a Note.
	Noted = registry.Define[Note]("test:note", 40)

	// Double is a call that is answered with the name of the server and twice the number.
	Double = call.Define[int, string]("test:double", 42)
)

// WithPackets adds all packets to a registry, and returns it.
func WithPackets(reg *registry.Registry) *registry.Registry {
	reg.MustAdd(Noted)
	reg.MustAdd(Double.Packets()...)
	return reg
}
