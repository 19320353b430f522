package sim

import (
	"fmt"
	"io"
	"strings"
)

// tailLines is how much of a trace a failure shows.
const tailLines = 80

// trace is what happened in a run: a hash of all of it, and its last lines.
type trace struct {
	hash  uint64
	lines int
	tail  [tailLines][]byte
	all   io.Writer // gets every line, if not nil
}

func newTrace(all io.Writer) *trace { return &trace{hash: 14695981039346656037, all: all} }

func (t *trace) add(format string, args ...any) {
	slot := &t.tail[t.lines%tailLines]
	*slot = append(fmt.Appendf((*slot)[:0], format, args...), '\n')
	t.lines++
	for _, b := range *slot { // FNV-1a
		t.hash = (t.hash ^ uint64(b)) * 1099511628211
	}
	if t.all != nil {
		t.all.Write(*slot)
	}
}

func (t *trace) String() string {
	var s strings.Builder
	for i := max(0, t.lines-tailLines); i < t.lines; i++ {
		s.Write(t.tail[i%tailLines])
	}
	return s.String()
}
