package engine

import (
	"bytes"
	"runtime"
	"strconv"
)

// goid returns the number of the calling goroutine, from the first line of its
// stack: "goroutine 18 [running]:". It takes about a microsecond, so only calls
// that may wait for a loop use it, to see that they are not on that loop.
func goid() uint64 {
	var buf [48]byte
	b := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
