package session

// Export and Import: a server's sessions go from one process to another, while their clients
// come back.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/peer"
)

// Export gives all sessions to another process, or to another Sessions, one after the other.
// blob, if it is not nil, returns what the program keeps with a session, on its loop. give is
// called with the exported session, and returns nil when the other process has imported it.
// Then the session ends here with ErrExported and nothing unacknowledged, and its conn with
// ReasonMoved: its client comes back, to the other process if that has the listeners.
//
// If give fails, the session goes on here when its client comes back, and Export goes on with
// the next one. It returns these errors, joined. From Export on, conns that ask for a session
// are ended with ReasonMoved; what the program sends in a session that is being given away is
// ErrExported. Export may not be called on a loop.
func (ss *Sessions) Export(ctx context.Context, blob func(s *Session) []byte, give func(s *Session, data []byte) error) error {
	if ss == nil {
		return ErrNoSession
	}
	if ss.host.peer.Reactor().OnLoop() {
		return engine.ErrOnLoop
	}
	ss.mu.Lock()
	ss.moving.Store(true) // so that no session begins that All does not see
	ss.mu.Unlock()
	var errs []error
	for s := range ss.All() {
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		if err := s.export(ctx, blob, give); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// TurnAway has conns that ask for a session ended with ReasonMoved, as Export does, and with
// what advise returns for each, on its loop: where its client may find the session. The
// advice's Reason is not looked at. advise may be nil.
func (ss *Sessions) TurnAway(advise func(c *peer.Conn) peer.Advice) {
	if ss == nil {
		return
	}
	if advise != nil {
		ss.advise.Store(&advise)
	}
	ss.mu.Lock()
	ss.moving.Store(true)
	ss.mu.Unlock()
}

// Resume takes back that Export or TurnAway has conns that ask for a session ended, for a program
// whose other process did not come up. Sessions that were given away are imported here again
// before: a client that asks for one which is not there is told that it has ended.
func (ss *Sessions) Resume() {
	if ss != nil {
		ss.moving.Store(false)
		ss.advise.Store(nil)
	}
}

// turnAway ends a conn whose client is to ask for its session again, here or elsewhere.
func (k *carrier) turnAway() {
	var a peer.Advice
	if advise := k.host.sessions().advise.Load(); advise != nil {
		guard.Call(func() { a = (*advise)(k.conn) }, func(v any) {
			k.host.peer.Log(slog.LevelError, "session's function panicked", "panic", v, "stack", string(debug.Stack()))
		})
	}
	k.endMoved(a)
}

// endMoved ends a conn with ReasonMoved and advice. Advice that cannot be given is left out.
func (k *carrier) endMoved(a peer.Advice) {
	a.Reason = ReasonMoved
	if bad := (*peer.AddressError)(nil); errors.As(k.conn.SoftquitWith(a), &bad) {
		k.conn.Softquit(ReasonMoved)
	}
}

// export gives one session away.
func (s *Session) export(ctx context.Context, blob func(*Session) []byte, give func(s *Session, data []byte) error) error {
	var x *exported
	var k *carrier
	if err := s.waitForOwner(ctx, func() { x, k = s.freeze(blob) }); err != nil || x == nil {
		return err
	}
	err := errNotGiven // if give panics
	guard.Then(func() { err = give(s, x.append(nil)) }, func(bool) {
		s.waitForOwner(context.WithoutCancel(ctx), func() { s.given(k, err == nil, peer.Advice{}) })
	})
	return err
}

var errNotGiven = errors.New("session: the function that gives a session away has not returned")

// given ends a session that was given away, or has it go on here if it was not. k had carried
// it, nil if none had, and is ended with advice.
func (s *Session) given(k *carrier, gone bool, advice peer.Advice) {
	if gone {
		s.finish(ErrExported, false)
	} else {
		s.thaw(k != nil)
	}
	if k != nil {
		k.endMoved(advice)
	}
}

// waitForOwner has the owner call fn, and waits until it has. The error, that of ctx, says that
// fn is not called.
func (s *Session) waitForOwner(ctx context.Context, fn func()) error {
	var taken atomic.Bool // by the owner, or by who waits no longer
	done := make(chan struct{})
	s.onOwner(func() {
		if !taken.Swap(true) {
			defer close(done)
			fn()
		}
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		if !taken.Swap(true) {
			return context.Cause(ctx)
		}
		<-done
		return nil
	}
}

// freeze takes the session off its conn, which stays open, and returns what another process
// has to know. From then on nothing of the session changes until thaw or finish: its packets
// that come on the conn are dropped, and will be sent again. It returns nil for a session that
// has ended, or is frozen by another Export.
func (s *Session) freeze(blob func(*Session) []byte) (*exported, *carrier) {
	if s.hasEnded() || s.isFrozen() {
		return nil, nil
	}
	k := s.detach()
	s.stopWaiting()
	s.mu.Lock()
	s.frozen = true
	s.mu.Unlock()
	if blob == nil {
		return s.asItIs(nil), k
	}
	return s.asItIs(func(s *Session) ([]byte, func()) { return blob(s), nil }), k
}

// asItIs is the session as another process has to know it.
func (s *Session) asItIs(blob func(*Session) (blob []byte, done func())) *exported {
	x := &exported{
		secret: s.secret, next: s.next, renewing: s.renewing, unconfirmed: s.isUnconfirmed(),
		in: s.in, copied: s.copies.known, claim: s.claim, restored: s.restored,
	}
	if blob != nil { // first, so that what it says was sent is among the packets
		var done func()
		s.call(func() { x.blob, done = blob(s) })
		if done != nil {
			defer done()
		}
	}
	s.mu.Lock()
	if k := s.carrier; k != nil {
		x.in = k.in
	}
	x.id, x.acked, x.theirs = s.id, s.out.acked, s.theirs
	for _, p := range s.out.packets() {
		x.packets = append(x.packets, exportedPacket{p.Type.Name(), p.Payload})
	}
	x.sent = x.last()
	if x.restored { // what was added since the copy is the one thing that the client cannot have
		x.sent = s.out.sent
	}
	s.mu.Unlock()
	return x
}

// thaw has a frozen session go on here. tellAway says that it had a conn.
func (s *Session) thaw(tellAway bool) {
	s.mu.Lock()
	s.frozen = false
	why := s.overDue
	s.mu.Unlock()
	s.startWaiting()
	if why != nil {
		s.finish(why, false)
		return
	}
	if tellAway {
		s.callEach(s.awayCalls(ReasonMoved))
	}
}

// Import takes over a session that Export has given away, and returns it with the program's
// blob, which lies in data. It waits for its client for Config.Away. OnNew is not called.
//
// The errors are an *ExportError for data that is no session, or has packets that the server's
// registry has not; ErrExists; ErrTooMany; and that of a peer that is closed.
func (ss *Sessions) Import(data []byte) (s *Session, blob []byte, err error) {
	if ss == nil {
		return nil, nil, ErrNoSession
	}
	x, err := readExported(data)
	if err != nil {
		return nil, nil, err
	}
	loops := ss.host.peer.Reactor().Loops()
	if s, err = ss.thatWas(x, loops[x.id.Seq%uint64(len(loops))]); err != nil {
		return nil, nil, err
	}
	if err := ss.adopt(s, x.unconfirmed); err != nil {
		return nil, nil, err
	}
	s.onOwner(func() {
		if !s.hasEnded() && s.Away() {
			s.startWaiting()
		}
	})
	return s, x.blob, nil
}

// importOn is Import of what was found, to the loop on which it is called.
func (ss *Sessions) importOn(loop *engine.Loop, f *Found) (*Session, error) {
	x, err := readExported(f.Data)
	if err != nil {
		return nil, err
	}
	s, err := ss.thatWas(x, loop)
	if err != nil {
		return nil, err
	}
	if f.Copy {
		s.restored, s.copies.known = true, s.in
	}
	if err := ss.adopt(s, x.unconfirmed); err != nil {
		return nil, err
	}
	s.startWaiting()
	if f.Arrived != nil {
		s.call(func() { f.Arrived(s, x.blob) })
	}
	return s, nil
}

// thatWas makes a session that was exported, to be adopted.
func (ss *Sessions) thatWas(x *exported, loop *engine.Loop) (*Session, error) {
	s := newSession(ss.host, ss.cfg, ss, loop)
	s.id, s.theirs = x.id, x.theirs
	s.secret, s.next, s.renewing, s.in, s.claim = x.secret, x.next, x.renewing, x.in, x.claim
	s.out.acked, s.out.sent = x.acked, x.acked
	for _, p := range x.packets {
		t, err := ss.host.peer.Registry().Lookup(p.name)
		if err != nil {
			return nil, &ExportError{err}
		}
		s.out.add(t, p.payload)
	}
	s.out.sent, s.restored = x.sent, x.restored // the old process may have sent them
	s.copies.known = min(x.copied, x.in)
	return s, nil
}

// adopt adds a session that was imported.
func (ss *Sessions) adopt(s *Session, unconfirmed bool) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	switch {
	case ss.byID[s.id] != nil:
		return fmt.Errorf("%w: %v", ErrExists, s.id)
	case len(ss.byID) >= ss.cfg.Sessions:
		return ErrTooMany
	}
	if err := ss.host.add(s); err != nil {
		return err
	}
	ss.byID[s.id] = s
	if unconfirmed {
		ss.byNonce[s.secret] = s
	}
	if s.id.Node == ss.node && s.id.Epoch == ss.epoch {
		ss.seq = max(ss.seq, s.id.Seq)
	}
	return nil
}
