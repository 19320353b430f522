// Package leak finds what a test leaves behind: goroutines of this module and
// open descriptors.
package leak

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	module   = "github.com/packetmq/packetmq/"
	gnetMod  = "github.com/panjf2000/gnet/"
	patience = 5 * time.Second
)

// Check fails tb if more goroutines run this module's or gnet's code at the end of
// the test than now, or more descriptors are open. It gives those that are about to
// end 5 s. A parallel test would count what others have, so Check panics in one;
// call it in the parent of parallel subtests.
func Check(tb testing.TB) {
	tb.Helper()
	tb.Setenv("PACKETMQ_LEAK_CHECK", tb.Name()) // for its panic in parallel tests
	files, stacks := openFiles(), len(goroutines())
	tb.Cleanup(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		late := time.After(patience)
		for {
			left := goroutines()
			if len(left) <= stacks && openFiles() <= files {
				return
			}
			select {
			case <-tick.C:
			case <-late:
				tb.Errorf("left behind: %d goroutines, %d descriptors\n%s", len(left)-stacks, openFiles()-files,
					strings.Join(left, "\n\n"))
				return
			}
		}
	})
}

// goroutines returns the stacks of the goroutines that run this module's or
// gnet's code, the caller's own and the test runner's left out.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var found []string
	for i, g := range bytes.Split(buf, []byte("\n\n")) {
		s := string(g)
		ours := strings.Contains(s, module) || strings.Contains(s, gnetMod)
		if i > 0 && ours && !strings.Contains(s, "testing.tRunner") && !strings.Contains(s, "testing.(*M)") {
			found = append(found, s)
		}
	}
	return found
}

// openFiles is the number of open descriptors, or 0 on systems without /proc.
func openFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names)
}
