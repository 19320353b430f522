package bench

// What a server says about itself when a signal asks for it.

import (
	"fmt"
	"runtime"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/peer"
)

// status returns what the process holds: goroutines, conns, buffers that are out,
// and bytes of live heap and of stacks; and how late a timer of busy was, in
// nanoseconds. Garbage is collected before it is counted.
func status(server *peer.Server, busy *busyWork) string {
	late := busy.look()
	heap, stacks := command.LiveMemory()
	busy.look() // forgets how late the collection has made timers
	r := server.Reactor()
	return fmt.Sprintf("goroutines %d conns %d buffers %d heap %d stacks %d late %d",
		runtime.NumGoroutine(), r.Conns(), r.Buffers().Out(), heap, stacks, late)
}
