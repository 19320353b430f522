package session

// Claims of sessions that are not at the server that is asked: how it finds them at another one.

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
)

// Claim is what a conn shows of the session that it wants to carry. Whoever has a claim can
// take the session over: it is for other servers of the program's own, and for no log.
type Claim struct {
	ID    ID
	Proof []byte // the secret, and which of the client's conns it is
}

// proofSize is the size of Claim.Proof: a secret, and the number of the attempt.
const proofSize = secretSize + 4

func (m *resume) claim() Claim {
	return Claim{m.id, binary.BigEndian.AppendUint32(append([]byte(nil), m.secret[:]...), m.attempt)}
}

// read returns the secret of a claim and the number of the attempt.
func (c *Claim) read() (x secret, attempt uint32, ok bool) {
	if len(c.Proof) != proofSize {
		return x, 0, false
	}
	return secret(c.Proof[:secretSize]), binary.BigEndian.Uint32(c.Proof[secretSize:]), true
}

// Opens reports whether a claim is one of the session in data, as Released.Data and a Keeper
// have it.
func (c Claim) Opens(data []byte) bool {
	x, err := readExported(data)
	shown, _, ok := c.read()
	if err != nil || !ok || x.id != c.ID {
		return false
	}
	old, next := x.secret.equal(&shown), x.next.equal(&shown)
	return old || next && x.renewing
}

// Finder finds a session at other servers. It is called on the loop of the conn that claims
// the session, and calls answer once, then or later, on any goroutine. The conn waits until
// then, so a Finder gives up after some time. It bounds how many it looks for at once.
type Finder func(c Claim, answer func(Found))

// Found is what a Finder has found.
type Found struct {
	// Data is the session, as Released.Data has it. nil: it was not found, because of Err.
	Data []byte

	// Copy says that Data is a copy, as a Keeper has it: the client may have got more packets than
	// it knows of, and packets that were sent since may be lost.
	Copy bool

	// Err is why it was not found. For ErrUnknown the client is told that its session has ended.
	// After anything else its conn ends with ReasonMoved, and the client comes back to try again.
	Err error

	// Arrived is called with the session and its blob, which lies in Data, before a conn carries
	// the session, on its loop. It may be nil.
	Arrived func(s *Session, blob []byte)

	// Taken is called once if there is Data: with nil when the session is this server's, or with
	// why it has not become so. It may be nil.
	Taken func(err error)
}

func (f *Found) taken(err error) {
	if f.Taken != nil && f.Data != nil {
		f.Taken(err)
	}
}

// ErrLost is told to Found.Taken when the conn that has claimed the session is gone meanwhile.
var ErrLost = errors.New("session: the conn that claimed the session is gone")

// SetFinder has find look for sessions that conns claim and that are not here, or whose secret is
// another one here. With nil, as at first, such a session is unknown.
func (ss *Sessions) SetFinder(find Finder) {
	switch {
	case ss == nil:
	case find == nil:
		ss.finder.Store(nil)
	default:
		ss.finder.Store(&find)
	}
}

// SetOrigin changes the first two parts of the ids of the sessions that begin from now on, in
// place of Config.Node and Config.Epoch. No other server may have the same two.
func (ss *Sessions) SetOrigin(node uint16, epoch uint32) {
	if ss == nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.node, ss.epoch = node, epoch
}

// Take imports a session on one of the loops, as for a claim: f.Arrived is called before a conn
// carries the session, and f.Taken with how it has ended, both on that loop. Any goroutine may
// call it.
func (ss *Sessions) Take(f Found) {
	if ss == nil {
		f.taken(ErrNoSession)
		return
	}
	x, err := readExported(f.Data)
	if err != nil {
		f.taken(err)
		return
	}
	loops := ss.host.peer.Reactor().Loops()
	loop := loops[x.id.Seq%uint64(len(loops))]
	err = loop.PostElse(func() {
		_, err := ss.importOn(loop, &f)
		f.taken(err)
	}, func() { f.taken(peer.ErrClosed) })
	if err != nil {
		f.taken(err)
	}
}

// seek looks elsewhere for a session that a conn claims, once. Where there is no Finder, the conn
// is refused, which count counts.
func (ss *Sessions) seek(k *carrier, m *resume, count *atomic.Uint64) {
	find := ss.finder.Load()
	if find == nil || m.id == (ID{}) {
		count.Add(1)
		k.refuse(refusedUnknown)
		return
	}
	k.onLoop(func() {
		switch {
		case k.sought && k.nowhere:
			count.Add(1)
			k.refuse(refusedUnknown)
			return
		case k.sought:
			k.turnAway()
			return
		}
		k.sought = true
		var once sync.Once
		(*find)(m.claim(), func(f Found) {
			once.Do(func() { ss.found(k, m, f, count) })
		})
	})
}

// found goes on with a claim when its session was found elsewhere, or was not.
func (ss *Sessions) found(k *carrier, m *resume, f Found, count *atomic.Uint64) {
	gone := func() { f.taken(ErrLost) }
	goOn := func() {
		k.nowhere = f.Data == nil && errors.Is(f.Err, ErrUnknown)
		switch here := ss.Get(m.id); {
		case k.lost:
			gone()
		case f.Data != nil:
			ss.arrive(k, m, f)
		case here != nil: // it has come meanwhile, for another conn; or it is a copy, whose secret is wrong
			here.resumeOn(k, m)
		case k.nowhere:
			count.Add(1)
			k.refuse(refusedUnknown)
		default:
			k.turnAway()
		}
	}
	if k.conn.Loop().PostElse(goOn, gone) != nil {
		gone()
	}
}

// arrive has the conn carry a session that was found elsewhere. On the conn's loop.
//
// What is here with the same id and another secret is a copy that was left behind, when it was
// not known whether the session had arrived elsewhere. It ends first, unless a conn carries it.
func (ss *Sessions) arrive(k *carrier, m *resume, f Found) {
	if old := ss.Get(m.id); old != nil && old.Away() && !old.isFrozen() && !k.replaced {
		k.replaced = true
		old.onOwner(func() {
			old.finish(ErrSuperseded, false)
			ss.found(k, m, f, &ss.host.counters.unknown)
		})
		return
	}
	if ss.moving.Load() {
		f.taken(ErrExported)
		k.turnAway()
		return
	}
	s, err := ss.importOn(k.conn.Loop(), &f)
	f.taken(err)
	if err != nil {
		k.turnAway()
		return
	}
	if s.hasEnded() { // Taken or Arrived has ended it
		k.turnAway()
		return
	}
	s.resumeOn(k, m)
}
