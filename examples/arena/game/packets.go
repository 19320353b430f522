package game

// The packets, calls and errors of the arena. Each side adds them to a registry of its own.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/state"
)

// maxText bounds a chat line, in bytes of its payload.
const maxText = 512

// Say is arena:say, a line of chat for everybody in the room.
type Say struct{ Text string }

// Said is arena:said, a line that somebody has said, to the room or to one player only.
type Said struct {
	From, Text string
	Private    bool
}

// Enter is what arena:enter asks for, and Place what it is answered with.
type (
	Enter struct{ Room string }
	Place struct{ At Pos }
)

// Question is what arena:ready asks a player, and Reply what the player says.
type (
	Question struct{ Room string }
	Reply    struct{ Ready bool }
)

// Use is what arena:use takes out of a player's bag, and Used tells how many are left.
type (
	Use  struct{ Item string }
	Used struct{ Left int }
)

// Whisper is what arena:whisper says to one player, in whatever room.
type Whisper struct{ To, Text string }

// Done is an answer that says nothing more.
type Done struct{}

// Missing is the data of arena:missing.
type Missing struct {
	Item string
	Has  int // other things in the bag
}

var (
	pos    = state.Define("arena:pos", 20, func(p *Pos) uint64 { return p.ID })
	move   = registry.Define[Move]("arena:move", 21, registry.Reuse())
	say    = registry.Define[Say]("arena:say", 22, registry.MaxSize(maxText))
	said   = registry.Define[Said]("arena:said", 23)
	places = registry.Define[Places]("arena:places", 32, registry.Optional()) // between nodes: players may lack it

	enter   = call.Define[Enter, Place]("arena:enter", 24)    // a player calls the arena
	use     = call.Define[Use, Used]("arena:use", 26)         // the same
	whisper = call.Define[Whisper, Done]("arena:whisper", 28) // the same
	ready   = call.Define[Question, Reply]("arena:ready", 30) // the arena calls a player

	full     = call.DefineError("arena:full")
	notReady = call.DefineError("arena:notready")
	nobody   = call.DefineError("arena:nobody")
	missing  = call.DefineErrorOf[Missing]("arena:missing")
)

// withPackets adds all of that to a registry.
func withPackets(reg *registry.Registry) *registry.Registry {
	reg.MustAdd(move, say, said, places)
	reg.MustAdd(pos.Packets()...)
	reg.MustAdd(enter.Packets()...)
	reg.MustAdd(use.Packets()...)
	reg.MustAdd(whisper.Packets()...)
	reg.MustAdd(ready.Packets()...)
	if err := call.AddErrors(reg, full, notReady, nobody, missing); err != nil {
		panic(err) // names are constants
	}
	return reg
}
