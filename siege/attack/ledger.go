package attack

import (
	"fmt"
	"sync"
)

// ledger is what the servers of all rows held when they were started, and in
// the end.
type ledger struct {
	mu      sync.Mutex
	servers int
	wrong   []string
}

func (l *ledger) enter(name string, before, after holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers++
	if kept := after.kept(before); kept != "" {
		l.wrong = append(l.wrong, fmt.Sprintf("the server of row %s keeps %s", name, kept))
	}
}

// kept says what is more than before; memory is a matter of its own.
func (h holdings) kept(before holdings) (what string) {
	for _, k := range []struct {
		name          string
		before, after int64
	}{
		{"goroutines", before.goroutines, h.goroutines},
		{"descriptors", before.files, h.files},
		{"conns", 0, h.conns},
		{"buffers", 0, h.buffers},
	} {
		if k.after > k.before {
			what += fmt.Sprintf(" %d %s (%d before)", k.after, k.name, k.before)
		}
	}
	return what
}
