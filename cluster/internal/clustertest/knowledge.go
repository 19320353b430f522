package clustertest

// What nodes know of each other.

import (
	"fmt"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
)

// AwaitWhole waits until each node has a conn to each of the others.
func AwaitWhole[N interface{ Nodes() []string }](t testing.TB, all []N) {
	t.Helper()
	await.True(t, "whole cluster", func() bool {
		for _, n := range all {
			if len(n.Nodes()) != len(all)-1 {
				return false
			}
		}
		return true
	})
}

// Presence is what a node has told its program of nodes or members that come and go. Each of them
// comes and goes in turn. The zero Presence knows of nobody. Any goroutine may use it.
type Presence struct {
	mu    sync.Mutex
	here  map[string]bool
	wrong string // what has come or gone twice
}

// Came notes that somebody has come.
func (p *Presence) Came(who string) { p.set(who, true) }

// Went notes that somebody has gone.
func (p *Presence) Went(who string) { p.set(who, false) }

func (p *Presence) set(who string, here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here == nil {
		p.here = make(map[string]bool)
	}
	if p.here[who] == here {
		p.wrong = fmt.Sprintf("%s: here %v, twice", who, here)
	}
	p.here[who] = here
}

// Has reports whether somebody is here.
func (p *Presence) Has(who string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here[who]
}

// Check fails the test if somebody has come or gone twice in a row.
func (p *Presence) Check(t testing.TB, node string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wrong != "" {
		t.Errorf("%s was told of %s", node, p.wrong)
	}
}
