package capture

// Posts: functions with a name, so that a post of them can be recorded and done again.

import (
	"errors"
	"sync"

	"github.com/packetmq/packetmq/engine"
)

// ErrUnknownPost is returned by Post for a name that Handle was not called with.
var ErrUnknownPost = errors.New("capture: post of a name that nothing handles")

// Posts are posted functions with names. What a program posts to a loop from other goroutines,
// because of the world outside, it posts by a name and bytes; then a capture has it. Without a
// Recorder it is engine.Loop.Post. The zero value is ready.
type Posts struct {
	mu  sync.RWMutex
	fns map[string]func(data []byte)
}

// Handle has fn called on the loop for each Post of name. data is fn's to keep.
func (p *Posts) Handle(name string, fn func(data []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fns == nil {
		p.fns = make(map[string]func([]byte))
	}
	p.fns[name] = fn
}

// Post calls the function of that name on the loop, with data, which the caller may not change
// any more. The name has at most 1,024 bytes. Any goroutine may call it; it never blocks. The
// errors are ErrUnknownPost and those of engine.Loop.Post.
func (p *Posts) Post(l *engine.Loop, name string, data []byte) error {
	fn := p.named(name)
	if fn == nil || len(name) > maxText {
		return ErrUnknownPost
	}
	return l.Post(func() {
		if rec, ok := l.Reactor().Tap().(*Recorder); ok {
			rec.posted(l, name, data)
		}
		fn(data)
	})
}

func (p *Posts) named(name string) func([]byte) {
	if p == nil {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.fns[name]
}
