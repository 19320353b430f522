package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"

	"github.com/packetmq/packetmq/peer"
)

// onSignals calls fn each time the process gets one of signals, until stop is
// called.
func onSignals(signals []os.Signal, fn func()) (stop func()) {
	if len(signals) == 0 {
		return func() {}
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, signals...)
	ended := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-asked:
				fn()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		close(done)
		<-ended
	}
}

// status is what the process holds: goroutines, conns, buffers that are out,
// and bytes of live heap and of stacks; and how late a timer of busy was, in
// nanoseconds. Garbage is collected and its memory given back first, so
// that two of these lines can be compared, and what the system says about the
// process too.
func status(server *peer.Server, busy *busyWork) string {
	late := busy.look()
	runtime.GC() // what was in a pool is free after the second
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	busy.look() // the collector's doing is not told
	r := server.Reactor()
	return fmt.Sprintf("goroutines %d conns %d buffers %d heap %d stacks %d late %d",
		runtime.NumGoroutine(), r.Conns(), r.Buffers().Out(), m.HeapAlloc, m.StackInuse, late)
}
