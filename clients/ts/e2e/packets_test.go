package e2e

import (
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room/request"
	"github.com/packetmq/packetmq/state"
)

// Note is a packet, Sum what is to be added, and Pos a value of a state. The scripts have the
// same in testdata/packets.mjs, under other ids.
type (
	Note struct {
		N    int32  `msgpack:"n"`
		Text string `msgpack:"text"`
	}
	Sum struct{ A, B int64 }
	Pos struct {
		ID uint64    `msgpack:"id"`
		X  int32     `msgpack:"x"`
		At time.Time `msgpack:"at"`
	}
)

var (
	note = registry.Define[Note]("test:note", 40)
	echo = registry.Define[Note]("test:echo", 41)

	add      = call.Define[Sum, int64]("test:add", 50)
	twice    = call.Define[string, string]("test:twice", 52)
	ask      = call.Define[string, string]("test:ask", 54)
	overflow = call.DefineErrorOf[Sum]("test:overflow")

	rooms  = request.Define("test:rooms", 60)
	topics = request.Define("test:topics", 64)
	line   = registry.Define[string]("test:line", 68)

	gift = registry.Define[string]("test:gift", 80, registry.Optional()) // not one of packets

	pos = state.Define("test:pos", 70, func(p *Pos) uint64 { return p.ID })
)

func packets() (all []registry.Definition) {
	all = append(all, note, echo, line)
	all = append(all, add.Packets()...)
	all = append(all, twice.Packets()...)
	all = append(all, ask.Packets()...)
	all = append(all, rooms.Packets()...)
	all = append(all, topics.Packets()...)
	return append(all, pos.Packets()...)
}
