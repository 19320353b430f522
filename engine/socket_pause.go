//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// How a socket is paused by the program: gnet does not look at it any more, as at one that
// floods. When it goes on, the loop reads pieces of it until the kernel has little left, and
// then it is gnet's again: see socket_flood.go.

// PauseRead implements Pauser.
func (s *socket) PauseRead() {
	if s.isPaused() { // it floods, and is counted
		s.loop.flooding.paused--
		return
	}
	s.leavePoller()
}

// ResumeRead implements Pauser.
func (s *socket) ResumeRead() {
	if s.isPaused() {
		s.loop.flooding.paused++
	}
}

// leavePoller has gnet look at the socket no more. It reports whether that can be done.
func (s *socket) leavePoller() bool {
	if s.gc == nil || s.loop.flooding.set == 0 || !pollFor(s.loop.flooding.set, s.gc, false) {
		return false
	}
	s.needRare().paused = true
	return true
}
