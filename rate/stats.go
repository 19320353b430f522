package rate

// What a Limiter has counted.

import (
	"sync"

	"github.com/packetmq/packetmq/registry"
)

// MaxNames is how many names of packets a Limiter counts one by one. Others are counted
// together, as "other": programs may add and remove packets for ever.
const MaxNames = 1024

// Stats is what a Limiter has counted since it was made.
type Stats struct {
	Over      map[string]Over // by the packet's name; nil if nothing was over a limit
	Addresses int             // how many are remembered now
}

// Over is how many packets of one type were over a limit, by the first limit that they met.
type Over struct {
	Conn, Address, All uint64
}

// counts counts packets that are over a limit.
type counts struct {
	mu   sync.Mutex
	over map[string]*Over // guarded by mu
}

// add counts a packet of type t in the field of Over that field points to.
func (c *counts) add(t *registry.Type, field func(*Over) *uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := t.Name()
	o := c.over[name]
	if o == nil && len(c.over) >= MaxNames {
		name = "other" // has no colon, as names of packets have
		o = c.over[name]
	}
	if o == nil {
		if c.over == nil {
			c.over = make(map[string]*Over)
		}
		o = new(Over)
		c.over[name] = o
	}
	*field(o)++
}

func (c *counts) copied() map[string]Over {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over == nil {
		return nil
	}
	m := make(map[string]Over, len(c.over))
	for name, o := range c.over {
		m[name] = *o
	}
	return m
}
