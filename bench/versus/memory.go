package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// tellMemory has a server print, each time it gets SIGUSR1, the bytes of its
// live heap and of its stacks, until stop is called.
func tellMemory(w io.Writer) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			runtime.GC() // what was in a pool is free after the second
			debug.FreeOSMemory()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintf(w, "heap %d stacks %d\n", m.HeapAlloc, m.StackInuse)
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}
