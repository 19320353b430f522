package session

// Keeper: copies of sessions outside of the process, for when that ends without a word.
//
// What a client has sent is acknowledged when a copy knows of it, so that a process which has
// the copy alone knows all that the client will not send again.

import (
	"errors"
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
)

// Keeper keeps copies of a server's sessions: see Sessions.SetKeeper. All its functions are
// called on the loop of the session, and return at once.
type Keeper struct {
	// Keep is called with a session as another server has to know it, in place of what was kept
	// before. It calls done once, then or later, on any goroutine: with nil when that is kept, with
	// ErrSuperseded if another server has the session, which then ends here, or with another error,
	// after which it is called again.
	Keep func(s *Session, data []byte, done func(err error))

	// Forget is called when the session ends, with why.
	Forget func(s *Session, reason error)

	// Blob returns what the program keeps with a session, as for Export. done, if it is not nil, is
	// called at once when the session's packets were copied too: a blob that tells what was sent by
	// other goroutines has these wait until then. Blob may be nil.
	Blob func(s *Session) (blob []byte, done func())
}

// copies is what a session knows of its copies. Of the owner alone, but for due.
type copies struct {
	known    uint64        // how many of the client's packets a copy knows of; the client was told of no more
	underWay bool          // Keep was called and has not called done
	again    bool          // another copy is to be kept after the one that is under way
	posted   bool          // copySoon has posted
	waiting  *engine.Timer // for the next copy; nil: none waits
	due      atomic.Bool   // a copy is to be kept because of what was sent
}

// SetKeeper has copies of the sessions kept. Acknowledgements to clients wait for them then, so a
// Keep that fails again and again fills what clients keep. A session that ends before its first
// copy is kept is in none. It is called before sessions begin; the zero Keeper takes it back.
func (ss *Sessions) SetKeeper(k Keeper) {
	switch {
	case ss == nil:
	case k.Keep == nil || k.Forget == nil:
		ss.keeper.Store(nil)
	default:
		ss.keeper.Store(&k)
	}
}

// keeper is what keeps copies of the session, or nil.
func (s *Session) keeper() *Keeper {
	if s.server == nil {
		return nil
	}
	return s.server.keeper.Load()
}

// copy has a copy kept of the session as it is now, after the one that is on its way.
func (s *Session) copy() {
	k := s.keeper()
	if k == nil || s.hasEnded() || s.isFrozen() {
		return
	}
	if s.restored { // the copy before says better what the client may have had; the resume has one kept
		return
	}
	if s.copies.underWay {
		s.copies.again = true
		return
	}
	if s.copies.waiting != nil {
		s.copies.waiting.Stop()
		s.copies.waiting = nil
	}
	s.copies.underWay = true
	s.copies.due.Store(false)
	x := s.asItIs(k.Blob)
	x.copied = x.in // for who has this copy
	k.Keep(s, x.append(nil), func(err error) { s.onOwner(func() { s.copied(x.in, err) }) })
}

// copySoon has a copy kept after what the loop is doing now: a packet that is counted already
// may be about to be handled, and a copy that knows of it has to have what its handler sends.
func (s *Session) copySoon() {
	if s.copies.posted {
		return
	}
	s.copies.posted = true
	s.onOwner(func() {
		s.copies.posted = false
		s.copy()
	})
}

// copied is called when a copy was kept that knows of in packets, or was not.
func (s *Session) copied(in uint64, err error) {
	s.copies.underWay = false
	switch {
	case s.hasEnded():
		return
	case errors.Is(err, ErrSuperseded):
		s.finish(ErrSuperseded, true)
		return
	case err != nil:
		s.copies.again = false
		s.copyAfter()
		return
	}
	s.copies.known = max(s.copies.known, in)
	s.mu.Lock()
	k := s.carrier
	s.mu.Unlock()
	if k != nil && k.live && k.told < s.copies.known {
		k.tell(s.copies.known)
	}
	if s.copies.again {
		s.copies.again = false
		s.copy()
	}
}

// copyAfter has a copy kept after Config.AckEvery.
func (s *Session) copyAfter() {
	if s.copies.waiting != nil || s.hasEnded() {
		return
	}
	s.mu.Lock()
	loop := s.loop
	s.mu.Unlock()
	s.copies.waiting = loop.After(s.cfg.AckEvery, func() {
		s.onOwner(func() { // another loop may own it since
			s.copies.waiting = nil
			s.copy()
		})
	})
}

// copyLater has a copy kept soon, which has what was sent. Any goroutine may call it.
func (s *Session) copyLater() {
	if s.keeper() != nil && !s.copies.due.Swap(true) {
		s.onOwner(s.copyAfter)
	}
}

// forgetCopy is called when the session ends.
func (s *Session) forgetCopy(reason error) {
	if s.copies.waiting != nil {
		s.copies.waiting.Stop()
		s.copies.waiting = nil
	}
	if k := s.keeper(); k != nil {
		s.call(func() { k.Forget(s, reason) })
	}
}
