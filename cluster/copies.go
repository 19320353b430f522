package cluster

// Copies of sessions, which outlive their node.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Copies is where copies of sessions are kept, by keys of letters, digits and -. A key has a
// revision, another one after each change, from 1; 0 means that there is no such key. Any
// goroutine may call it, and may wait for it, at most until ctx is done: Leave waits for it too.
type Copies interface {
	// Put keeps value if the key's revision is the one that is given, and returns the next one.
	// Else it is ErrRevision.
	Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)

	// Get returns what is kept, and its revision: nil and 0 if there is no such key.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)

	// Delete drops the key if its revision is the one that is given. Else it is ErrRevision.
	Delete(ctx context.Context, key string, revision uint64) error
}

// readier is a Copies that takes its time until it can keep any.
type readier interface {
	Ready(ctx context.Context) error
}

// CopiesReady waits until copies of sessions can be kept: until the bucket of Travel.Copies is
// there, or the method Ready(context.Context) error of another Copies returns, if it has one. A
// program that takes clients from then on has copies of all their sessions. Without Copies it is
// ErrNoStore, and if ctx ends before, that with the reason.
func (n *Node) CopiesReady(ctx context.Context) error {
	a := n.travel.archive
	if a == nil {
		return fmt.Errorf("%w: no Config.Travel.Copies", ErrNoStore)
	}
	r, ok := a.store.(readier)
	if !ok {
		return n.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	err := r.Ready(ctx)
	if left := n.Err(); left != nil {
		return left
	}
	return err
}

// ErrRevision is returned by Copies where somebody else has changed the key.
var ErrRevision = errors.New("cluster: the copy was changed by another node")

const (
	// copyPatience is how long Copies may take. With less, a store that elects a leader is not
	// waited for; with more, clients wait for longer.
	copyPatience = 5 * time.Second

	// copiesAtOnce is how many calls of Copies a node makes at once. With more the store has more
	// to do at once; with fewer, sessions wait for each other.
	copiesAtOnce = 64

	// maxOwners is how many nodes are remembered at which a session was since its copy was known to
	// be kept. With fewer, a session that goes from node to node while the store does not answer is
	// taken for another one than its own copy sooner.
	maxOwners = 32
)

// keptCopy is what a node knows of the copy of one of its sessions.
type keptCopy struct {
	call chan struct{} // set once; has an element while Copies is called for it

	// Guarded by the travel's mu.
	revision uint64
	owners   []string // whose copy it may be at that revision or after it: the nodes before this one
	given    bool     // the session was packed for another node since a copy was made here: one of them may have it again
}

// archive is what a node has to do with copies.
type archive struct {
	// Set once.
	travel *travel
	store  Copies
	ctx    context.Context // done when the node has left
	cancel context.CancelFunc
	room   chan struct{} // has an element for each call

	// Guarded by the travel's mu.
	copies    map[session.ID]*keptCopy
	restoring int // searches in the copies that are under way
}

func newArchive(t *travel, store Copies) *archive {
	a := &archive{travel: t, store: store, room: make(chan struct{}, copiesAtOnce), copies: make(map[session.ID]*keptCopy)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// begin has copies of the sessions kept.
func (a *archive) begin() {
	a.travel.cfg.Sessions.SetKeeper(session.Keeper{Keep: a.keep, Forget: a.forget, Blob: a.travel.packWhole})
}

// end has no more copies kept. What is under way ends.
//
// A session that has a copy may go on from it at another node. So nothing more of it is acknowledged
// here: its client would not send again what the copy does not know of.
func (a *archive) end() {
	a.travel.cfg.Sessions.SetKeeper(session.Keeper{
		Keep: func(s *session.Session, _ []byte, done func(error)) {
			if a.has(s.ID()) {
				done(ErrLeft)
				return
			}
			done(nil) // it has begun since
		},
		Forget: func(*session.Session, error) {},
	})
	a.travel.mu.Lock() // so that nothing begins after Leave has begun to wait
	defer a.travel.mu.Unlock()
	a.cancel()
}

// has reports whether there may be a copy of a session of this node.
func (a *archive) has(id session.ID) bool {
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	return a.copies[id] != nil
}

// run has f call Copies on a goroutine of its own, which Leave waits for, and then done with what f
// returns. When the node has left f is not called, and done is told so.
func (a *archive) run(f func(ctx context.Context) error, done func(err error)) {
	a.travel.mu.Lock()
	over := a.ctx.Err() != nil
	if !over {
		a.travel.node.ended.Add(1)
	}
	a.travel.mu.Unlock()
	if over {
		done(ErrLeft)
		return
	}
	go func() {
		defer a.travel.node.ended.Done()
		done(a.call(f))
	}()
}

// call calls f when there is room for one more.
func (a *archive) call(f func(ctx context.Context) error) error {
	select {
	case a.room <- struct{}{}:
	case <-a.ctx.Done():
		return ErrLeft
	}
	defer func() { <-a.room }()
	ctx, cancel := context.WithTimeout(a.ctx, copyPatience)
	defer cancel()
	return f(ctx)
}

// of is what is known of the copy of a session.
func (a *archive) of(id session.ID) *keptCopy {
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	k := a.copies[id]
	if k == nil {
		k = &keptCopy{call: make(chan struct{}, 1)}
		a.copies[id] = k
	}
	return k
}

// begin waits until Copies is not called for the copy, and has others wait from then on.
func (k *keptCopy) begin(ctx context.Context) error {
	select {
	case k.call <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end takes begin back.
func (k *keptCopy) end() { <-k.call }

// keep is Keeper.Keep.
func (a *archive) keep(s *session.Session, data []byte, done func(error)) {
	id, k := s.ID(), a.of(s.ID())
	a.travel.mu.Lock()
	k.given = false
	a.travel.mu.Unlock()
	a.run(func(ctx context.Context) error {
		if err := k.begin(ctx); err != nil {
			return err
		}
		defer k.end()
		return a.put(ctx, id, k, data)
	}, func(err error) {
		if err != nil {
			a.travel.count(func(s *Stats) { s.CopiesFailed++ })
			a.travel.node.cfg.Logger.Debug("copy of a session was not kept", "session", id, "err", err)
		}
		done(err)
	})
}

// put keeps a copy in place of the one that this node, or one before it, has kept.
func (a *archive) put(ctx context.Context, id session.ID, k *keptCopy, data []byte) error {
	a.travel.mu.Lock()
	revision, owners := k.revision, k.owners
	a.travel.mu.Unlock()
	own := ownerOf(a.travel.node.self)
	value := appendCopy(own, data)
	next, err := a.store.Put(ctx, id.String(), value, revision)
	if errors.Is(err, ErrRevision) { // a Put before it may have been kept though it has failed, here or at the node before
		var old []byte
		if old, revision, err = a.store.Get(ctx, id.String()); err != nil {
			return err
		}
		owner, _, ok := readCopy(old)
		switch {
		case ok && owner == own:
		case a.isGiven(id, k):
			return ErrRevision // if the session stays after all, it is kept again
		case ok && !slices.Contains(owners, owner):
			return session.ErrSuperseded
		}
		next, err = a.store.Put(ctx, id.String(), value, revision)
	}
	if err != nil {
		return err
	}
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	k.revision, k.owners = next, nil
	return nil
}

// isGiven reports whether a session may be at another node. Who asks has read its copy before, so
// whatever that node has kept since then is of a later revision.
func (a *archive) isGiven(id session.ID, k *keptCopy) bool {
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	return k.given || a.copies[id] != k
}

// give notes that a session is packed for another node.
func (a *archive) give(id session.ID) {
	k := a.of(id)
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	k.given = true
}

// forget is Keeper.Forget.
func (a *archive) forget(s *session.Session, reason error) {
	id, k := s.ID(), a.of(s.ID())
	a.travel.mu.Lock()
	delete(a.copies, id)
	a.travel.mu.Unlock()
	if !isOver(reason) {
		return
	}
	a.run(func(ctx context.Context) error {
		if err := k.begin(ctx); err != nil { // after a Put that is under way
			return err
		}
		defer k.end()
		a.travel.mu.Lock()
		revision := k.revision
		a.travel.mu.Unlock()
		if revision == 0 {
			return nil
		}
		return a.store.Delete(ctx, id.String(), revision)
	}, func(err error) {
		if err != nil && !errors.Is(err, ErrRevision) {
			a.travel.node.cfg.Logger.Debug("copy of a session was not deleted", "session", id, "err", err)
		}
	})
}

// restore answers a search for a session that no node has, with a copy of it.
//
// Whoever claims sessions that do not exist has them looked for: no more than maxFinds wait here.
func (a *archive) restore(f *find) {
	a.travel.mu.Lock()
	full := a.restoring >= maxFinds
	if !full {
		a.restoring++
	}
	a.travel.mu.Unlock()
	if full {
		f.answer(session.Found{Err: errLater})
		return
	}
	var found session.Found
	a.run(func(ctx context.Context) (err error) {
		found, err = a.found(ctx, f.claim)
		return err
	}, func(err error) {
		a.travel.mu.Lock()
		a.restoring--
		a.travel.mu.Unlock()
		if err != nil {
			found.Err = err
			if !errors.Is(err, session.ErrUnknown) {
				a.travel.node.cfg.Logger.Debug("session was not found in the copies", "session", f.claim.ID, "err", err)
			}
		}
		f.answer(found)
	})
}

// found takes a copy over for this node, so that the node before can keep no other one.
func (a *archive) found(ctx context.Context, c session.Claim) (session.Found, error) {
	value, revision, err := a.store.Get(ctx, c.ID.String())
	if err != nil {
		return session.Found{}, err
	}
	before, data, ok := readCopy(value)
	if !ok || !c.Opens(data) {
		return session.Found{}, session.ErrUnknown
	}
	own := ownerOf(a.travel.node.self)
	if revision, err = a.store.Put(ctx, c.ID.String(), appendCopy(own, data), revision); err != nil {
		return session.Found{}, err
	}
	arrived := a.travel.arrived("")
	return session.Found{
		Data: data, Copy: true,
		Arrived: func(s *session.Session, blob []byte) {
			a.note(s.ID(), revision, own)
			arrived(s, blob)
		},
		Taken: func(err error) {
			if err == nil {
				a.travel.count(func(s *Stats) { s.Restored++ })
				return
			}
			a.run(func(ctx context.Context) error { // the node before, which may only have been out of sight, has it again
				_, err := a.store.Put(ctx, c.ID.String(), appendCopy(before, data), revision)
				return err
			}, func(error) {})
		},
	}, nil
}

// note notes at which revision the copy of a session is that has come, and whose it may be.
func (a *archive) note(id session.ID, revision uint64, owners ...string) {
	k := a.of(id)
	a.travel.mu.Lock()
	defer a.travel.mu.Unlock()
	k.revision, k.owners = revision, owners
}

// isOver reports whether a session that has ended for a reason is to be forgotten: it is not if
// another node has it, or may have it from its copy.
func isOver(reason error) bool {
	for _, goesOn := range []error{session.ErrExported, session.ErrSuperseded, peer.ErrClosed} {
		if errors.Is(reason, goesOn) {
			return false
		}
	}
	return true
}

// ownerOf names a node from its start to its end.
func ownerOf(id members.ID) string { return fmt.Sprintf("%s/%d", id.Name, id.Epoch) }

// appendCopy is a copy as it is kept: [owner, session].
func appendCopy(owner string, data []byte) []byte {
	return codec.AppendBytes(codec.AppendString(codec.AppendArrayHeader(nil, 2), owner), data)
}

// readCopy reads it. data lies in b.
func readCopy(b []byte) (owner string, data []byte, ok bool) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n != 2 {
		return "", nil, false
	}
	text, b, err := codec.ReadText(b)
	if err != nil {
		return "", nil, false
	}
	data, b, err = codec.ReadText(b)
	return string(text), data, err == nil && len(b) == 0
}
