package trial

// Presence: what one node has told of what comes and goes.

import (
	"fmt"
	"slices"
	"sync"
)

// Presence is what one node believes to be there, by its Events. The zero Presence has had none.
// Any goroutine may use it.
type Presence struct {
	mu sync.Mutex

	// Guarded by mu.
	here  map[string]int // how often it came minus how often it went
	times map[string]int // how often each event was told
	wrong []string
}

// Tell takes in an event.
func (p *Presence) Tell(e Event) {
	what, d := "node "+e.Node, 0
	switch e.Kind {
	case hasUp:
		d = 1
	case hasDown:
		d = -1
	case hasJoined:
		what, d = member(e.Room, e.User, e.Node), 1
	case hasLeft:
		what, d = member(e.Room, e.User, e.Node), -1
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here == nil {
		p.here, p.times = make(map[string]int), make(map[string]int)
	}
	p.times[e.Kind+" "+what]++
	if p.here[what] += d; p.here[what] < 0 || p.here[what] > 1 {
		p.wrong = append(p.wrong, fmt.Sprintf("%s is there %d times", what, p.here[what]))
	}
}

// member is a user who is in a room at a node.
func member(room, user, node string) string { return room + ": " + user + "@" + node }

// HasNode reports whether there is a conn to a node.
func (p *Presence) HasNode(name string) bool { return p.has("node " + name) }

// HasMember reports whether a user is in a room at a node.
func (p *Presence) HasMember(room, user, node string) bool { return p.has(member(room, user, node)) }

func (p *Presence) has(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here[what] == 1
}

// Joined is how often it was told that a user has joined a room at a node, and Left how often
// that he has left it.
func (p *Presence) Joined(room, user, node string) int {
	return p.count(hasJoined + " " + member(room, user, node))
}

// Left is the other half of Joined.
func (p *Presence) Left(room, user, node string) int {
	return p.count(hasLeft + " " + member(room, user, node))
}

func (p *Presence) count(event string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.times[event]
}

// Wrong is what has come twice without going, or has gone without having come.
func (p *Presence) Wrong() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wrong)
}
