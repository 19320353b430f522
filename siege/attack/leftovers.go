package attack

import (
	"fmt"
	"sync"

	"github.com/packetmq/packetmq/siege/target"
)

// ledger is what the servers of all rows held when they were started, and in
// the end.
type leftovers struct {
	mu      sync.Mutex
	servers int
	wrong   []string
}

func (l *leftovers) add(name string, before, after target.Resources) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers++
	if kept := after.Excess(before); kept != "" {
		l.wrong = append(l.wrong, fmt.Sprintf("the server of row %s keeps %s", name, kept))
	}
}
