package main

// What a server says about its memory when a signal asks for it.

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/packetmq/packetmq/internal/command"
)

// tellMemory has a server print, each time it gets SIGUSR1, the bytes of its
// live heap and of its stacks, until stop is called.
func tellMemory(w io.Writer) (stop func()) {
	return command.OnSignals([]os.Signal{syscall.SIGUSR1}, func() {
		heap, stacks := command.LiveMemory()
		fmt.Fprintf(w, "heap %d stacks %d\n", heap, stacks)
	})
}
