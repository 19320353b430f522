package session

// Session: what both sides have of a conversation that outlives its conns.

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Session is one side of a conversation that outlives its conns. Any goroutine may use it.
//
// At each time a session has one owner: the loop of the conn that carries it, or carried it
// last. All steps of its life are taken there, and the functions of Config are called there.
// When a conn of another loop comes, the session is handed over by a function that is posted
// to its owner, so that nothing of the old conn happens after that.
type Session struct {
	// Set once.
	host   *host
	cfg    *Config
	server *Sessions     // nil at a client
	begun  chan struct{} // closed when the server has accepted the session, or when it has ended

	beganAt netip.Addr // what counts for it in Config.PerAddr, at a server. Guarded by the mu of server

	data atomic.Pointer[any]

	mu sync.Mutex

	// Guarded by mu.
	id        ID           // zero at a client before it is accepted
	loop      *engine.Loop // the owner
	carrier   *carrier     // nil: the session is away
	out       outbox
	over      error  // why it has ended; nil: it has not
	steps     uint64 // of its life: a timer that was set before the last one does nothing
	theirs    window // of the other side
	frozen    bool   // it is being given to another process
	overDue   error  // why it is to end if the other process does not take it; nil: it is not to end
	onLost    []*func(reason error)
	onAway    []*func(reason error)
	onBack    []*func(gap time.Duration)
	whenAcked []ackWait // in the order of their numbers
	dropped   uint64
	conns     uint32 // at a client: how many have been made

	// Of the owner alone.
	in        uint64   // packets of the other side that were handled, while no conn carries the session
	claim     uint64   // the number of the newest claim
	candidate *carrier // at a client: has asked the server, and has no answer
	secret    secret   // that the other side has shown, or has been given
	next      secret   // at a server: given to the client, which has not shown yet that it has it
	renewing  bool     // there is a next
	accepted  bool     // at a client: the server has accepted it before
	away      bool     // no conn carries it, since
	awaySince time.Duration
	wait      *engine.Timer // ends the session; nil: it is not away
	copies    copies        // at a server with a keeper
	restored  bool          // it comes from a copy, and the other side may have more than that
}

// ID is the session's id: zero at a client until the server has accepted the session.
func (s *Session) ID() ID {
	if s == nil {
		return ID{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// String names the session in logs.
func (s *Session) String() string {
	if s == nil {
		return "no session"
	}
	return "session " + s.ID().String()
}

// Conn is the conn that carries the session now, or nil while it is away. What is sent on it
// by peer.Send is not kept: values of which only the newest counts belong there.
func (s *Session) Conn() *peer.Conn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carrier == nil {
		return nil
	}
	return s.carrier.conn
}

// Away reports whether no conn carries the session. It is so for one that has ended.
func (s *Session) Away() bool { return s.Conn() == nil }

// Err is why the session has ended, or nil.
func (s *Session) Err() error {
	if s == nil {
		return ErrNoSession
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// Loop is the loop of the conn that carries the session, or carried it last.
func (s *Session) Loop() *engine.Loop {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loop
}

// Pending is how many packets of this side wait to be acknowledged, and their bytes.
func (s *Session) Pending() (packets, bytes int) {
	if s == nil {
		return 0, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.len(), s.out.bytes()
}

// Dropped is how many packets were dropped because there was no room for them.
func (s *Session) Dropped() uint64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// SetData keeps v with the session: a player, a name.
func (s *Session) SetData(v any) {
	if s != nil {
		s.data.Store(&v)
	}
}

// Data is what SetData was given last, or nil.
func (s *Session) Data() any {
	if s == nil {
		return nil
	}
	if v := s.data.Load(); v != nil {
		return *v
	}
	return nil
}

// Of returns the session that c carries, or nil. A handler finds the session of its packet by
// it, whether the packet was sent by session.Send or by peer.Send. For a conn that was lost
// while it carried a session it is still that one, which another conn may carry meanwhile:
// Conn tells.
func Of(c *peer.Conn) *Session {
	if k, ok := carrierSlot.Get(c); ok {
		return k.session.Load()
	}
	return nil
}

func newSession(h *host, cfg *Config, server *Sessions, loop *engine.Loop) *Session {
	return &Session{
		host: h, cfg: cfg, server: server, loop: loop, begun: make(chan struct{}),
		out: outbox{maxPackets: cfg.Packets, maxBytes: cfg.Bytes},
	}
}

// onOwner has fn called by the owner, after what it is doing now.
func (s *Session) onOwner(fn func()) {
	s.mu.Lock()
	owner := s.loop
	s.mu.Unlock()
	run := func() {
		if s.isOwner(owner) {
			fn()
		} else {
			s.onOwner(fn)
		}
	}
	if owner.PostElse(run, run) != nil {
		s.host.afterLoops(fn)
	}
}

// isOwner reports whether loop owns the session.
func (s *Session) isOwner(loop *engine.Loop) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loop == loop
}

// hasEnded reports whether the session has ended.
func (s *Session) hasEnded() bool { return s.Err() != nil }
