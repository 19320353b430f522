// Package restart replaces a running process by a new one without a moment in which nobody
// listens.
//
// The listening sockets stay open in one of the two processes at all times, so that nobody who
// connects is refused: conns wait in the kernel until somebody accepts them. Listeners come
// from systemd or another parent (Inherited), go to a child (Give), or go over a Unix socket
// from the old process to the new one, together with what the old one has in memory (Restart):
//
//	r, err := restart.New(&restart.Config{Path: "/run/game/restart"})
//	sockets, err := r.Take(ctx)            // from the old process, which accepts nothing now
//	if errors.Is(err, restart.ErrNobody) { // this one is the first
//		ln, err = srv.Listen(addr)
//	}
//	err = r.Commit(ctx)                    // the old one does not serve any more
//	for _, s := range sockets {
//		ln, err = srv.Serve(s)         // from here on this one does
//	}
//	err = r.Offer(restart.Listener{Name: "game", Listener: ln})
//	<-r.Replaced()                         // by the next one
//	err = srv.Drain(ctx, peer.Drain{Over: time.Minute})
//
// A new process that fails before Commit has returned changes nothing: the old one goes on.
// Both must be of the same user, which each looks at. docs/restart.md has the rules.
//
// Conns are not handed over: the old process ends them, one after the other, and their clients
// come back to the new one.
package restart
