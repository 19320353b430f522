package registry

// What other packages keep with a registry: the names of errors, for one.

// Attachment returns what is kept with the registry under key, which is a value of a type of
// the calling package's own. If there is nothing yet, it is what fresh returns; of several
// goroutines that ask at once all get what one of them made. Any goroutine may call it.
func (r *Registry) Attachment(key any, fresh func() any) any {
	if v, ok := r.attached.Load(key); ok {
		return v
	}
	v, _ := r.attached.LoadOrStore(key, fresh())
	return v
}
