package cluster

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// shelf is Copies in memory, which all nodes of a test share.
type shelf struct {
	mu    sync.Mutex
	kept  map[string][]byte
	rev   map[string]uint64
	last  uint64
	fails error
	lies  error // what Put returns though it has kept the copy
}

func newShelf() *shelf { return &shelf{kept: make(map[string][]byte), rev: make(map[string]uint64)} }

func (x *shelf) Put(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.fails != nil:
		return 0, x.fails
	case x.rev[key] != revision:
		return 0, ErrRevision
	}
	x.last++
	x.kept[key], x.rev[key] = slices.Clone(value), x.last
	return x.last, x.lies
}

func (x *shelf) Get(_ context.Context, key string) ([]byte, uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.kept[key], x.rev[key], x.fails
}

func (x *shelf) Delete(_ context.Context, key string, revision uint64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.rev[key] != revision {
		return ErrRevision
	}
	delete(x.kept, key)
	delete(x.rev, key)
	return nil
}

func (x *shelf) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fails = err
}

// lie has Put keep copies, and return an error.
func (x *shelf) lie(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lies = err
}

func (x *shelf) owner(id session.ID) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	owner, _, _ := readCopy(x.kept[id.String()])
	return owner
}

// withCopies has the nodes of a network keep copies of their sessions, too.
func withCopies(w *network) *shelf {
	x := newShelf()
	change := w.change
	w.change = func(n *testNode, cfg *Config) { change(n, cfg); cfg.Travel.Copies = x }
	return x
}

// unacked is how many of the client's notes are not acknowledged.
func (x *wanderer) unacked() int { n, _ := x.Pending(); return n }

// A session outlives its node by its copy: what was acknowledged to the client is not repeated, the
// rest is sent again, and the client gets what the copy knew of once. When the node was only cut
// off, its part of the session ends there, and tells what was sent in it since.
func TestSessionGoesOnFromItsCopy(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 3)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	if err := all[0].Bind(at, "ann"); err != nil {
		t.Fatal(err)
	}
	const before, after = 100, 50
	for i := range before {
		sendNote(t, x.Session, i)
		sendNote(t, at, i)
	}
	await.True(t, "all of it is acknowledged", func() bool { n, _ := at.Pending(); return x.unacked() == 0 && n == 0 })
	await.True(t, "a copy with its user", func() bool {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		_, data, _ := readCopy(kept.kept[x.ID().String()])
		return len(data) > 0 && slices.Contains(splitText(data), "ann")
	})
	kept.fail(errors.New("no"))
	for i := range after {
		sendNote(t, x.Session, before+i)
	}
	await.True(t, "all notes handled", func() bool { return len(all[0].home.got) == before+after })
	w.setCut("n0", true)
	await.True(t, "home that is gone", func() bool { return len(all[1].Nodes()) == 1 && len(all[2].Nodes()) == 1 })
	x.cut(t, at)
	if x.unacked() != after {
		t.Fatalf("%d notes are not acknowledged, of which no copy knows", x.unacked())
	}
	sendNote(t, at, 7) // which nobody will get
	kept.fail(nil)
	x.come(t, all[1])
	for i := range after {
		if v := await.Value(t, "note", all[1].home.got); v.N != before+i {
			t.Fatalf("note %d came again, want %d", v.N, before+i)
		}
	}
	if a := await.Value(t, "arrival", all[1].home.arrived); a.From != "" || string(a.Blob) != "of "+a.Session.String() {
		t.Errorf("arrived from %q with %q", a.From, a.Blob)
	}
	knows(t, all[2], "ann", "n1")
	for i := range before {
		if v := await.Value(t, "note", x.got); v.N != i {
			t.Fatalf("the client got note %d, want %d", v.N, i)
		}
	}
	if st := all[1].Stats(); st.Restored != 1 {
		t.Errorf("counted %+v", st)
	}
	e := await.Value(t, "end of what was left behind", all[0].home.ends)
	if !slices.Contains(e.unacked, 7) {
		t.Errorf("ended with %v, not acknowledged: %v", e.reason, e.unacked)
	}
	await.True(t, "acknowledgements by the new node", func() bool { return x.unacked() == 0 })
}

// splitText finds words in bytes.
func splitText(b []byte) (words []string) {
	word := ""
	for _, c := range append(slices.Clone(b), 0) {
		if c >= 'a' && c <= 'z' {
			word += string(rune(c))
		} else if word != "" {
			words, word = append(words, word), ""
		}
	}
	return words
}

// Copies follow a session to the node where it is, and are gone when it has ended.
func TestCopiesFollow(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 3)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	for i, to := range []int{1, 2, 0, 1} {
		x.cut(t, at)
		sendNote(t, x.Session, i)
		at = x.come(t, all[to])
		x.one(t, all, all[to])
		await.True(t, "acknowledgement", func() bool { return x.unacked() == 0 })
		if owner := kept.owner(x.ID()); owner != ownerOf(all[to].self) {
			t.Errorf("the copy is of %s", owner)
		}
	}
	for _, n := range all {
		if st := n.Stats(); st.CopiesFailed != 0 {
			t.Errorf("%s has counted %+v", n.Name(), st)
		}
	}
	x.End("reason.bye")
	await.True(t, "a copy that is gone", func() bool { return kept.owner(x.ID()) == "" })
}

// A store may have kept a copy though it did not say so. While it does not answer the session goes from
// node to node: the last one knows the copy for one of the session's own.
func TestCopiesOfNodesLongBefore(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 4)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	sendNote(t, x.Session, 0)
	await.True(t, "acknowledgement", func() bool { return x.unacked() == 0 })
	kept.lie(errors.New("no answer"))
	before := all[0].Stats().CopiesFailed
	sendNote(t, x.Session, 1)
	await.True(t, "a copy of which its node does not know", func() bool { return all[0].Stats().CopiesFailed > before })
	kept.fail(errors.New("no"))
	for _, n := range all[1:] {
		x.cut(t, at)
		at = x.come(t, n)
		x.one(t, all, n)
	}
	if owner := kept.owner(x.ID()); owner != ownerOf(all[0].self) {
		t.Fatalf("the copy is of %s", owner)
	}
	kept.lie(nil)
	kept.fail(nil)
	await.True(t, "acknowledgement at the last node, or the session's end", func() bool { return x.unacked() == 0 || at.Err() != nil })
	if owner := kept.owner(x.ID()); at.Err() != nil || owner != ownerOf(all[3].self) {
		t.Errorf("the session has ended with %v, and the copy is of %s", at.Err(), owner)
	}
}

// A copy is for who shows the secret, and while copies cannot be asked for the client comes again.
func TestCopiesAndClaims(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	sendNote(t, x.Session, 0)
	await.True(t, "acknowledgement", func() bool { return x.unacked() == 0 })
	owner := kept.owner(x.ID())
	w.setCut("n0", true)
	await.True(t, "home that is gone", func() bool { return len(all[1].Nodes()) == 0 })
	found := make(chan session.Found, 1)
	all[1].travel.find(session.Claim{ID: x.ID(), Proof: make([]byte, 20)}, func(f session.Found) { found <- f })
	if f := await.Value(t, "answer", found); !errors.Is(f.Err, session.ErrUnknown) || kept.owner(x.ID()) != owner {
		t.Errorf("found %v", f.Err)
	}
	x.cut(t, at)
	kept.fail(errors.New("no"))
	x.try(t, all[1])
	await.True(t, "end of the conn", func() bool { return x.conn.State() != peer.Active })
	if x.Err() != nil {
		t.Fatalf("ended with %v", x.Err())
	}
	kept.fail(nil)
	x.come(t, all[1])
}

// While a copy is made, no durable packet is sent in its session: the copy has it with its mark, or
// has neither.
func TestCopiesHaveMarksWithTheirPackets(t *testing.T) {
	w := withSessions(1)
	withCopies(w)
	all := w.startAll(t, 1)
	x := newWanderer(t)
	at := x.come(t, all[0])
	if err := all[0].Bind(at, "ann"); err != nil {
		t.Fatal(err)
	}
	all[0].mu.Lock()
	marks := all[0].users["ann"].sent
	all[0].mu.Unlock()
	done := make(chan struct{})
	at.Loop().Post(func() {
		defer close(done)
		_, sends := all[0].travel.packWhole(at)
		if marks.mu.TryLock() {
			t.Error("a packet could be sent before the copy has the others")
			return
		}
		sends()
		if !marks.mu.TryLock() {
			t.Error("nothing can be sent after the copy was made")
			return
		}
		marks.mu.Unlock()
	})
	await.Value(t, "copy", done)
}

// Searches in the copies are bounded: a claim more is told to come again.
func TestSearchesInCopiesAreBounded(t *testing.T) {
	w := withSessions(1)
	withCopies(w)
	n := w.startAll(t, 1)[0]
	search := func() error {
		found := make(chan session.Found, 1)
		n.travel.archive.restore(&find{answer: func(f session.Found) { found <- f }})
		return await.Value(t, "answer", found).Err
	}
	set := func(count int) {
		n.travel.mu.Lock()
		defer n.travel.mu.Unlock()
		n.travel.archive.restoring = count
	}
	set(maxFinds)
	if err := search(); err != errLater {
		t.Errorf("one more: %v", err)
	}
	set(0)
	if err := search(); err != session.ErrUnknown {
		t.Errorf("with room again: %v", err)
	}
}

// Leave waits for calls of Copies that are under way, and lets those go that wait for their turn.
func TestLeaveWaitsForCopies(t *testing.T) {
	w := withSessions(1)
	withCopies(w)
	n := w.startAll(t, 1)[0]
	a := n.travel.archive
	began := make(chan struct{})
	var left atomic.Bool
	a.run(func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		<-n.cli.Lifetime().Done() // the last thing that Leave does before it waits
		for range 100_000 {
			if left.Load() {
				t.Error("Leave has not waited for a call")
				break
			}
			runtime.Gosched()
		}
		return ctx.Err()
	}, func(error) {})
	await.Value(t, "call", began)
	for range copiesAtOnce - 1 {
		a.room <- struct{}{}
	}
	waited := make(chan error, 1)
	a.run(func(context.Context) error { return nil }, func(err error) { waited <- err })
	if err := n.Leave(); err != nil {
		t.Fatal(err)
	}
	left.Store(true)
	if err := await.Value(t, "end of the wait", waited); err != ErrLeft {
		t.Errorf("what waited is told %v", err)
	}
	a.run(func(context.Context) error { t.Error("called after Leave"); return nil }, func(err error) { waited <- err })
	if err := await.Value(t, "answer after Leave", waited); err != ErrLeft {
		t.Errorf("what comes after Leave is told %v", err)
	}
}

// slowShelf is a shelf that can be used later.
type slowShelf struct {
	*shelf
	ready chan struct{}
}

func (x slowShelf) Ready(ctx context.Context) error {
	select {
	case <-x.ready:
		return nil
	case <-ctx.Done():
		return ErrNoStore
	}
}

// CopiesReady returns when copies can be kept, and at the end of its ctx or of the node.
func TestCopiesReady(t *testing.T) {
	w := withSessions(1)
	if err := w.start(t, "bare").CopiesReady(t.Context()); !errors.Is(err, ErrNoStore) {
		t.Errorf("without Copies: %v", err)
	}
	withCopies(w)
	if err := w.start(t, "plain").CopiesReady(t.Context()); err != nil {
		t.Errorf("with Copies that are ready: %v", err)
	}
	x := slowShelf{newShelf(), make(chan struct{})}
	change := w.change
	w.change = func(n *testNode, cfg *Config) { change(n, cfg); cfg.Travel.Copies = x }
	n, other := w.start(t, "slow"), w.start(t, "other")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.CopiesReady(over); !errors.Is(err, ErrNoStore) {
		t.Errorf("with a ctx that is done: %v", err)
	}
	left := make(chan error, 1)
	go func() { left <- other.CopiesReady(t.Context()) }()
	other.Leave()
	if err := await.Value(t, "end of the wait", left); !errors.Is(err, ErrLeft) {
		t.Errorf("at a node that leaves: %v", err)
	}
	close(x.ready)
	if err := n.CopiesReady(t.Context()); err != nil {
		t.Errorf("when they are ready: %v", err)
	}
}

// A node that took a copy over for a conn that is lost by then gives it back: the node before it may
// only have been out of sight, and goes on.
func TestACopyThatIsNotTakenIsGivenBack(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	x.come(t, all[0])
	first, second := ownerOf(all[0].self), ownerOf(all[1].self)
	await.True(t, "a copy", func() bool { return kept.owner(x.ID()) == first })
	w.setCut("n0", true)
	await.True(t, "home that is out of sight", func() bool { return len(all[1].Nodes()) == 0 })
	found := make(chan session.Found, 1)
	all[1].home.sessions.SetFinder(func(c session.Claim, answer func(session.Found)) {
		all[1].travel.find(c, func(f session.Found) { found <- f })
	})
	x.conn.Abort(errors.New("cut by the test"))
	x.try(t, all[1])
	f := await.Value(t, "copy", found)
	if f.Err != nil || kept.owner(x.ID()) != second {
		t.Fatalf("the copy is of %s, %v", kept.owner(x.ID()), f.Err)
	}
	f.Taken(session.ErrLost)
	await.True(t, "the copy is the first node's again", func() bool { return kept.owner(x.ID()) == first })
	at := x.come(t, all[0])
	sendNote(t, x.Session, 1)
	await.True(t, "acknowledgement", func() bool { return x.unacked() == 0 })
	if at.Err() != nil {
		t.Errorf("the session has ended: %v", at.Err())
	}
}

// After a node has left, nothing more is acknowledged to clients whose session may go on from its copy
// elsewhere: they send it again there.
func TestNothingIsAcknowledgedAfterLeave(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	at := x.come(t, all[0])
	await.True(t, "a copy", func() bool { return kept.owner(x.ID()) != "" })
	sendNote(t, x.Session, 0)
	await.True(t, "acknowledgement", func() bool { return x.unacked() == 0 })
	if err := all[0].Leave(); err != nil {
		t.Fatal(err)
	}
	const after = 600 // more than are acknowledged at once
	for i := 1; i <= after; i++ {
		sendNote(t, x.Session, i)
	}
	await.True(t, "all notes handled", func() bool { return len(all[0].home.got) == 1+after })
	sendNote(t, at, 7) // which comes after what was acknowledged
	await.Value(t, "note", x.got)
	if n := x.unacked(); n != after {
		t.Errorf("%d notes are not acknowledged, of %d", n, after)
	}
	x.conn.Abort(errors.New("cut by the test"))
	x.come(t, all[1])
	for i := 1; i <= after; i++ {
		if v := await.Value(t, "note", all[1].home.got); v.N != i {
			t.Fatalf("note %d came again, want %d", v.N, i)
		}
	}
}

// A copy of a node before this one is replaced, unless the session was given on meanwhile: that
// node may have it again.
func TestCopiesOfSessionsThatAreGivenOn(t *testing.T) {
	w := withSessions(1)
	kept := withCopies(w)
	a := w.startAll(t, 1)[0].travel.archive
	own := ownerOf(a.travel.node.self)
	tests := map[string]struct {
		meanwhile func(id session.ID)
		want      error
		owner     string
	}{
		"here":      {func(session.ID) {}, nil, own},
		"packed":    {a.give, ErrRevision, "n9/1"},
		"forgotten": {func(id session.ID) { a.travel.mu.Lock(); delete(a.copies, id); a.travel.mu.Unlock() }, ErrRevision, "n9/1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			id := session.ID{Node: 9, Epoch: 1, Seq: uint64(len(name))}
			if _, err := kept.Put(t.Context(), id.String(), appendCopy("n9/1", nil), 0); err != nil {
				t.Fatal(err)
			}
			a.note(id, 0, "n9/1")
			k := a.of(id)
			test.meanwhile(id)
			if err := a.put(t.Context(), id, k, nil); !errors.Is(err, test.want) {
				t.Errorf("put: %v", err)
			}
			if owner := kept.owner(id); owner != test.owner {
				t.Errorf("the copy is of %s", owner)
			}
		})
	}
}
