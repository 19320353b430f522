package session

// Sessions: those that a server serves, by their ids.

import (
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/peer"
)

// Sessions are the sessions of one server. Any goroutine may use them.
type Sessions struct {
	// Set once.
	host *host
	cfg  *Config

	moving atomic.Bool                                  // conns that ask for a session are to ask elsewhere
	advise atomic.Pointer[func(*peer.Conn) peer.Advice] // what these are told; nil: nothing
	keeper atomic.Pointer[Keeper]                       // nil: no copies are kept
	finder atomic.Pointer[Finder]                       // nil: sessions are nowhere else

	mu sync.Mutex

	// Guarded by mu.
	node    uint16
	epoch   uint32
	seq     uint64
	byID    map[ID]*Session
	byNonce map[secret]*Session // whose clients have not shown that they know the id
	addrs   perAddr
}

// Serve has h, one of package peer's peers, serve sessions to clients that ask for them. cfg
// may be nil. It has effect for conns that are opened from now on.
//
// It panics where the program is wrong: h is no peer, serves sessions already, or has another
// extension with this package's Feature.
func Serve(h peer.Host, cfg *Config) *Sessions {
	p, err := peer.Of(h)
	var own *host
	if err == nil {
		own, err = hostOf(p)
	}
	if err != nil {
		panic(fmt.Sprintf("session: Serve: %v", err))
	}
	s := &Sessions{host: own, cfg: cfg.withDefaults(), byID: make(map[ID]*Session), byNonce: make(map[secret]*Session)}
	s.node, s.epoch = s.cfg.Node, s.cfg.Epoch
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.server != nil {
		panic("session: Serve: the peer serves sessions already")
	}
	own.server = s
	return s
}

// Get returns the session of an id, or nil.
func (ss *Sessions) Get(id ID) *Session {
	if ss == nil {
		return nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.byID[id]
}

// All returns the sessions that there are at this moment, in the order of their ids.
func (ss *Sessions) All() iter.Seq[*Session] {
	if ss == nil {
		return func(func(*Session) bool) {}
	}
	ss.mu.Lock()
	ids := slices.Collect(maps.Keys(ss.byID))
	slices.SortFunc(ids, ID.compare)
	all := make([]*Session, len(ids))
	for i, id := range ids {
		all[i] = ss.byID[id]
	}
	ss.mu.Unlock()
	return slices.Values(all)
}

// Len is how many sessions there are.
func (ss *Sessions) Len() int {
	if ss == nil {
		return 0
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.byID)
}

// asks answers a conn that asks to carry a session, a new one or one that there is.
func (k *carrier) asks(m any) error {
	ss := k.host.sessions()
	switch {
	case ss == nil:
		return &WireError{"this side serves no sessions"}
	case k.asked:
		return &WireError{"a conn has asked twice for a session"}
	}
	k.asked = true
	if ss.moving.Load() {
		k.turnAway()
		return nil
	}
	switch m := m.(type) {
	case *begin:
		ss.begin(k, m)
	case *resume:
		ss.resume(k, m)
	}
	return nil
}

// begin begins a session, or has the conn carry one whose client has not heard that it has
// begun.
func (ss *Sessions) begin(k *carrier, m *begin) {
	ss.mu.Lock()
	s := ss.byNonce[m.nonce]
	ss.mu.Unlock()
	if s != nil {
		s.resumeOn(k, &resume{secret: m.nonce, attempt: m.attempt, window: m.window})
		return
	}
	if may := ss.cfg.MayBegin; may != nil && !k.host.lets(func() error { return may(k.conn) }) {
		k.refuse(refusedDenied)
		return
	}
	if k.lost {
		return
	}
	s, no := ss.add(k, m)
	if no != 0 {
		k.refuse(no)
		return
	}
	s.host.counters.begun.Add(1)
	s.carryAtServer(k, m.window, false)
}

// add makes a session that no conn carries yet.
func (ss *Sessions) add(k *carrier, m *begin) (*Session, refusal) {
	s := newSession(ss.host, ss.cfg, ss, k.conn.Loop())
	s.secret, s.claim = m.nonce, uint64(m.attempt)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.moving.Load() { // since the conn has asked; Export does not see the session any more
		return nil, refusedUnknown
	}
	key, ok := netip.Addr{}, len(ss.byID) < ss.cfg.Sessions
	if ok {
		key, ok = ss.addrs.begin(k, ss.cfg)
	}
	if !ok {
		return nil, refusedTooMany
	}
	if ss.host.add(s) != nil {
		ss.addrs.end(key)
		return nil, refusedTooMany
	}
	s.beganAt = key
	ss.seq++
	s.id = ID{ss.node, ss.epoch, ss.seq}
	ss.byID[s.id] = s
	ss.byNonce[m.nonce] = s
	return s, 0
}

// resume has the conn carry a session if it shows its secret. A side that guesses is not told
// whether there is a session with the id.
func (ss *Sessions) resume(k *carrier, m *resume) {
	s := ss.Get(m.id)
	if s == nil {
		ss.seek(k, m, &ss.host.counters.unknown)
		return
	}
	s.resumeOn(k, m)
}

// resumeOn resumes the session on a conn that claims it. The secret belongs to the owner, so
// it is compared there.
func (s *Session) resumeOn(k *carrier, m *resume) {
	if s.isOwner(k.conn.Loop()) {
		if s.judges(k, m) {
			s.admit(k, m)
		}
		return
	}
	s.onOwner(func() {
		if s.judges(k, m) {
			k.onLoop(func() { s.admit(k, m) })
		}
	})
}

// judges reports whether the conn may carry the session, and refuses it if not. The owner
// calls it.
//
// A session that was exported since the conn asked for it is in another process, or in this one
// again, where Import has made another Session of it: the conn is to ask once more.
func (s *Session) judges(k *carrier, m *resume) bool {
	over, shown := s.Err(), s.shows(m.secret)
	if shown && over == nil {
		return true
	}
	if shown && over == ErrExported {
		k.turnAway()
		return false
	}
	s.server.seek(k, m, &s.host.counters.wrong)
	return false
}

// shows reports whether a conn that shows x may carry the session. Both secrets are compared
// in any case.
func (s *Session) shows(x secret) bool {
	old, next := s.secret.equal(&x), s.next.equal(&x)
	return old || next && s.renewing
}

// admit asks the program about a conn that has shown the secret, and has the conn carry the
// session. On the conn's loop.
func (s *Session) admit(k *carrier, m *resume) {
	if may := s.cfg.MayResume; may != nil && !s.host.lets(func() error { return may(s, k.conn) }) {
		s.host.counters.denied.Add(1)
		k.refuse(refusedDenied)
		return
	}
	if k.lost {
		return
	}
	s.take(k, uint64(m.attempt), func() bool { return s.judges(k, m) }, func() { s.resumed(k, m) })
}

// resumed is the last step of a resume, by the owner, which is the loop of k. No conn carries
// the session.
func (s *Session) resumed(k *carrier, m *resume) {
	if k.lost || s.isFrozen() {
		s.startWaiting()
		k.turnAway()
		return
	}
	s.mu.Lock()
	ok := s.out.ack(m.received) || s.restored && s.skip(m.received)
	s.mu.Unlock()
	s.restored = false
	if !ok {
		k.refuse(refusedCount)
		s.finish(ErrCount, false)
		return
	}
	if s.renewing && s.next.equal(&m.secret) {
		s.confirm()
	}
	s.host.counters.resumed.Add(1)
	s.carryAtServer(k, m.window, true)
	s.callAcked()
}

// skip goes on after a number that the other side has, and the copy that the session comes from
// has not. mu is held.
func (s *Session) skip(n uint64) bool {
	known := s.out.sent
	by, ok := s.out.skip(n)
	for i := range s.whenAcked {
		if w := &s.whenAcked[i]; w.number > known {
			w.number += by
		}
	}
	return ok
}

// carryAtServer has the conn carry the session, and tells the client so, with its next secret.
//
// The secret that the client has shown stays valid until the client shows that it knows the
// next one: the conn may end before that gets there. A next one that was given on an earlier
// conn and not shown since is forgotten: the client has shown the older one after that conn.
func (s *Session) carryAtServer(k *carrier, theirs window, again bool) {
	s.next, s.renewing = newSecret(), true
	m := accepted{resumed: again, id: s.ID(), secret: s.next, received: s.in, window: s.cfg.window()}
	if s.keeper() != nil {
		m.received = s.copies.known
	}
	if s.isUnconfirmed() {
		m.resumed = false
	}
	err := s.attach(k, theirs, func() error { return k.conn.SendExtension(Feature, m.append(nil)) })
	if err != nil {
		s.finish(err, true)
		return
	}
	if again {
		s.callEach(s.backCalls())
	} else if f := s.cfg.OnNew; f != nil {
		s.call(func() { f(s) })
	}
	s.copy() // with what the program has been told of, and has made of it
}

// isUnconfirmed reports whether the client has not shown yet that it knows the session's id.
func (s *Session) isUnconfirmed() bool {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return s.server.byNonce[s.secret] == s
}

// confirm is called when the client has shown that it knows the next secret: the older one is
// worth nothing from now on.
func (s *Session) confirm() {
	if !s.renewing {
		return
	}
	s.server.mu.Lock()
	delete(s.server.byNonce, s.secret) // if it was a nonce
	s.server.mu.Unlock()
	s.secret, s.next, s.renewing = s.next, secret{}, false
}

func (ss *Sessions) remove(s *Session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.byID[s.id] == s {
		delete(ss.byID, s.id)
		ss.addrs.end(s.beganAt)
	}
	if ss.byNonce[s.secret] == s {
		delete(ss.byNonce, s.secret)
	}
}

// refuse tells the client that the conn does not carry the session. A session that is unknown
// because it was exported since the conn asked for it is found elsewhere.
func (k *carrier) refuse(why refusal) {
	if why == refusedUnknown && k.host.sessions().moving.Load() {
		k.turnAway()
		return
	}
	k.host.counters.refused.Add(1)
	if k.conn.SendExtension(Feature, why.append(nil)) != nil { // there is no room for it, or the conn is ending
		k.conn.Softquit(ReasonOver)
	}
}

// lets calls MayBegin or MayResume. A panic in it is logged, and refuses.
func (h *host) lets(may func() error) (ok bool) {
	guard.Call(func() { ok = may() == nil }, func(v any) {
		h.peer.Log(slog.LevelError, "session's function panicked", "panic", v, "stack", string(debug.Stack()))
	})
	return ok
}

// onLoop has fn called on the conn's loop, unless the conn is lost by then.
func (k *carrier) onLoop(fn func()) {
	k.conn.Loop().Post(func() {
		if !k.lost {
			fn()
		}
	})
}
