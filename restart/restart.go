package restart

// Restart: one process' part in handing over, first as the new one, then as the old one.

import (
	"sync"
)

// Restart is this process' part: Take and Commit while it starts, Offer from then on. Its
// methods may be called from any goroutine, and wait; so none of them may be called on a loop.
type Restart struct {
	cfg      Config        // set once
	replaced chan struct{} // closed when another process serves
	process  process       // what there is on this platform only

	mu sync.Mutex

	// Guarded by mu.
	step   step
	closed bool
}

// step is how far a Restart is.
type step uint8

const (
	starting  step = iota
	taken          // Take has returned listeners
	committed      // this process serves, and nobody else does
	offered        // Offer was called
)

// New makes this process' part in a restart. It fails with a *NameError, or if there are
// too many states.
func New(cfg *Config) (*Restart, error) {
	if cfg == nil {
		cfg = new(Config)
	}
	own, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Restart{cfg: own, replaced: make(chan struct{})}, nil
}

// Replaced is closed when another process has taken over: it accepts, and has the states. The
// program drains its servers then, and ends.
func (r *Restart) Replaced() <-chan struct{} { return r.replaced }

// advance goes from one step to the next, and reports ErrOrder or ErrClosed where that cannot
// be. r.mu is held.
func (r *Restart) advance(from []step, to step) error {
	if r.closed {
		return ErrClosed
	}
	for _, s := range from {
		if r.step == s {
			r.step = to
			return nil
		}
	}
	return ErrOrder
}
