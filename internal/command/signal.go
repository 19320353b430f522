package command

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
)

// OnSignals calls fn each time the process gets one of signals, until stop is
// called. A call that has begun ends before stop returns.
func OnSignals(signals []os.Signal, fn func()) (stop func()) {
	if len(signals) == 0 { // for which Notify would take all signals
		return func() {}
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, signals...)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-got:
				fn()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(got)
		close(done)
		<-ended
	}
}

// LiveMemory returns the bytes of the process's live heap and of its stacks. It
// collects garbage and gives its memory back to the system first, so that two
// answers can be compared, and what the system says about the process too.
func LiveMemory() (heap, stacks uint64) {
	runtime.GC() // what was in a pool is free only after the second collection
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}
