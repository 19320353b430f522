package attack

// What the servers of all rows had in use when they were started, and in the end.

import (
	"fmt"
	"sync"

	"github.com/packetmq/packetmq/siege/target"
)

// leftovers collects what servers had in use in the end and not at their start.
type leftovers struct {
	mu      sync.Mutex
	servers int
	wrong   []string
}

// add takes down what the server of a row had in use.
func (l *leftovers) add(name string, before, after target.Resources) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers++
	if kept := after.Excess(before); kept != "" {
		l.wrong = append(l.wrong, fmt.Sprintf("the server of row %s keeps %s", name, kept))
	}
}
