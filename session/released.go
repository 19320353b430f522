package session

// Released: one session on its way from its server to another one.

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
)

// Released is a session that was taken out of its server, to be given to another one. Nothing of
// it changes until Gone or Keep is called: Send returns ErrExported, and its packets that come
// meanwhile are not handled, and are sent again later. Any goroutine may use it.
type Released struct {
	session *Session
	carrier *carrier // that had carried it, or nil
	data    []byte
	settled atomic.Bool
}

// Release takes a session out of the server for somebody who shows a claim of it, so that nobody
// else can move it or end it. blob, if it is not nil, returns what the program keeps with the
// session, on its loop. then is called on that loop, or at once if there is no such session. What
// it does not settle by Gone or Keep stays as it is for ever.
//
// The errors are ErrUnknown for a session that is not here, or whose secret is another one,
// ErrSuperseded for a claim that is older than one before, and ErrExported for a session that
// is being given away already.
func (ss *Sessions) Release(c Claim, blob func(s *Session) []byte, then func(r *Released, err error)) {
	s := ss.Get(c.ID)
	x, attempt, ok := c.read()
	if s == nil || !ok {
		then(nil, ErrUnknown)
		return
	}
	s.release(func() error {
		switch {
		case !s.shows(x):
			s.host.counters.wrong.Add(1)
			return ErrUnknown
		case uint64(attempt) <= s.claim:
			return ErrSuperseded
		}
		return nil
	}, blob, then)
}

// Release is Sessions.Release by the program's own will, without a claim.
func (s *Session) Release(blob func(s *Session) []byte, then func(r *Released, err error)) {
	if s == nil || s.server == nil {
		then(nil, ErrNoSession)
		return
	}
	s.release(func() error { return nil }, blob, then)
}

// release has the owner take the session off its conn, if may returns nil.
func (s *Session) release(may func() error, blob func(*Session) []byte, then func(*Released, error)) {
	s.onOwner(func() {
		err := may()
		if over := s.Err(); over != nil {
			err = ErrUnknown
		} else if err == nil && s.isFrozen() {
			err = ErrExported
		}
		if err != nil {
			then(nil, err)
			return
		}
		x, k := s.freeze(blob)
		then(&Released{session: s, carrier: k, data: x.append(nil)}, nil)
	})
}

// Data is the session with its blob, for Import or a Found. Whoever has it can take the session
// over.
func (r *Released) Data() []byte { return r.data }

// Session is the session as it is here.
func (r *Released) Session() *Session { return r.session }

// Gone says that another server has the session. It ends here with ErrExported and nothing
// unacknowledged, and its conn with ReasonMoved and with advice, whose Reason is not looked at.
// Of Gone and Keep the first call counts.
func (r *Released) Gone(advice peer.Advice) { r.settle(true, advice) }

// Keep says that no other server has the session: it goes on here when its client comes back,
// for which its conn is ended with ReasonMoved.
func (r *Released) Keep() { r.settle(false, peer.Advice{}) }

func (r *Released) settle(gone bool, advice peer.Advice) {
	if !r.settled.Swap(true) {
		r.session.onOwner(func() { r.session.given(r.carrier, gone, advice) })
	}
}
