package state

import (
	"testing"

	"github.com/packetmq/packetmq/internal/vectors"
)

// The TypeScript client reads and writes the same messages.
func TestTypeScriptMessages(t *testing.T) {
	vectors.Check(t, "../clients/ts/test/vectors/state.txt", []vectors.Vector{
		{Name: "begins", Bytes: appendBegins(nil, 0, "game:pos")},
		{Name: "ticked", Bytes: appendTick(nil, ticked, 0, 1)},
		{Name: "complete", Bytes: appendTick(nil, complete, 0, 1)},
		{Name: "complete-2", Bytes: appendTick(nil, complete, 0, 2)},
		{Name: "removes", Bytes: appendRemoves(nil, 0, []uint64{7, 1<<64 - 1})},
		{Name: "ends", Bytes: appendEnds(nil, 0)},
		{Name: "acks", Bytes: appendTick(nil, acks, 0, 1)},
	})
}
