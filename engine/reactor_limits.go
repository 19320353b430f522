package engine

// The bounds of all conns together: how many there are, and what may wait for them.

// admitConn counts a conn in. With an error there is no room for it.
func (r *Reactor) admitConn() error {
	if r.conns.Add(1) > int64(r.cfg.MaxConns) {
		r.releaseConn()
		return ErrTooManyConns
	}
	return nil
}

// checkRoom returns an error if there is no room for n more bytes of a conn for which
// waiting bytes wait already: a SizeError if there will never be room, else
// ErrBackpressure. A conn for which nothing waits has room however much waits for others,
// because those who read are not made to pay for those who do not.
func (r *Reactor) checkRoom(waiting, n int) error {
	if n > r.cfg.MaxPending {
		return &SizeError{n, r.cfg.MaxPending}
	}
	if waiting+n > r.cfg.MaxPending {
		return ErrBackpressure
	}
	if total := r.total.Load(); total > int64(r.cfg.MaxTotalPending) && int64(waiting) >= total/max(r.conns.Load(), 1) {
		return ErrBackpressure
	}
	return nil
}

// releaseConn counts a conn out.
func (r *Reactor) releaseConn() {
	if r.conns.Add(-1) > 0 || !r.draining.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining.Load() {
		r.markDrained()
	}
}
