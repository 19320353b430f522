package registry

// Watch: who is told that packets were added or removed.

import "slices"

// watcher is a function of Watch.
type watcher struct{ call func() }

// Watch has f called after each Add and Remove that changes the registry, on the goroutine
// of that call, which may be any: f must not block. A peer tells its conns so what is new.
// stop ends it; a call that is under way goes on.
func (r *Registry) Watch(f func()) (stop func()) {
	own := &watcher{f}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(slices.Clip(r.watchers), own)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.watchers = slices.DeleteFunc(slices.Clone(r.watchers), func(w *watcher) bool { return w == own })
	}
}

// unlockAndTell unlocks the registry, which has changed, and tells those who watch.
func (r *Registry) unlockAndTell() {
	watchers := r.watchers
	r.mu.Unlock()
	for _, w := range watchers {
		w.call()
	}
}
